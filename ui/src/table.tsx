// Every step as a row that can be sorted; only the rows in view are in the document.
import { useMemo, useRef, useState } from "preact/hooks";
import type { Row } from "./ask";
import { Rows, useWindow } from "./windowed";

const HEIGHT = 32;
type Column = [string, (row: Row) => string | number, (row: Row) => string];
const COLUMNS: Column[] = [
  ["#", (row) => row.n, (row) => `#${row.n}`],
  ["Component", (row) => row.component, (row) => row.component],
  ["Started (UTC)", (row) => row.from_us, (row) => row.started],
  ["Took", (row) => (row.to_us ?? Infinity) - row.from_us, (row) => row.took],
  ["Status", (row) => row.state, (row) => row.state],
  ["Code", (row) => row.code, (row) => row.code],
  ["Why it is here", (row) => row.why, (row) => row.why],
];
const COMPARED: Column = ["Compared", (row) => row.compared?.text ?? "", (row) => row.compared?.text ?? ""];
const columnsOf = (rows: Row[]): Column[] => (rows.some((row) => row.compared) ? COLUMNS.toSpliced(2, 0, COMPARED) : COLUMNS);

export function Table(props: { rows: Row[]; step: number | null; onStep: (n: number) => void }) {
  const [sorted, setSorted] = useState<[string, boolean]>(["#", false]);
  const box = useRef<HTMLDivElement>(null);
  const columns = useMemo(() => columnsOf(props.rows), [props.rows]);
  const rows = useMemo(() => {
    const [, key] = columns.find(([name]) => name === sorted[0]) ?? COLUMNS[0]!;
    const found = [...props.rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      return x < y ? -1 : x > y ? 1 : a.n - b.n;
    });
    return sorted[1] ? found.reverse() : found;
  }, [props.rows, columns, sorted]);
  const chosen = rows.findIndex((row) => row.n === props.step);
  const [first, last] = useWindow(box, rows.length, HEIGHT, chosen);
  const keys = (event: KeyboardEvent) => {
    const jump = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!jump || event.target !== box.current) return;
    event.preventDefault();
    event.stopPropagation();
    const to = rows[Math.max(0, Math.min(rows.length - 1, chosen + jump))];
    if (to) props.onStep(to.n);
  };
  return (
    <div class={`grid${columns.includes(COMPARED) ? " compares" : ""}`} ref={box} tabIndex={0} role="table" aria-label="Steps" aria-rowcount={rows.length + 1} onKeyDown={keys}>
      <div role="rowgroup" class="heads">
        <div role="row" aria-rowindex={1}>
          {columns.map(([name]) => (
            <div key={name} role="columnheader" aria-sort={sorted[0] === name ? (sorted[1] ? "descending" : "ascending") : "none"}>
              <button onClick={() => setSorted([name, sorted[0] === name ? !sorted[1] : false])}>
                {name} {sorted[0] === name ? (sorted[1] ? "▾" : "▴") : ""}
              </button>
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup">
        <Rows count={rows.length} height={HEIGHT}>
          {rows.slice(first, last).map((row, place) => (
            <div
              key={row.n}
              role="row"
              aria-rowindex={first + place + 2}
              class={`row${row.n === props.step ? " chosen" : ""}`}
              style={{ top: `${(first + place) * HEIGHT}px` }}
              onClick={() => props.onStep(row.n)}
            >
              {columns.map(([name, , text]) => (
                <div key={name} role="cell" class={name === "Status" ? row.tone : name === "Compared" ? row.compared?.tone : ""}>
                  {text(row)}
                </div>
              ))}
            </div>
          ))}
        </Rows>
      </div>
    </div>
  );
}

/** Gives all rows as CSV; a cell that a spreadsheet would take for a formula is quoted as text. */
export function csv(rows: Row[]): string {
  const cell = (text: string) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  const columns = columnsOf(rows);
  const lines = rows.map((row) => columns.map(([, , text]) => cell(text(row))).join(","));
  return [columns.map(([name]) => cell(name)).join(","), ...lines, ""].join("\r\n");
}
