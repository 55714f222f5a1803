// Writes the page's files into the Python package. Each carries the digest of all that it is made
// from, so that a test can tell, without Node, whether somebody forgot to build.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { build } from "esbuild";

const digest = createHash("sha256");
for (const file of ["package-lock.json", ...readdirSync("src").sort().map((name) => `src/${name}`)]) {
  digest.update(`${file}\n`).update(readFileSync(file)).update("\n");
}
const banner = `/* Built from ui/, do not edit. Source ${digest.digest("hex")} */`;
await build({
  entryPoints: ["src/app.tsx", "src/app.css"],
  outdir: "../src/backtrail/server/static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  banner: { js: banner, css: banner },
  legalComments: "none",
});
