// All of the graph, small, with what is in view as a frame: a click or a drag in it goes there.
import { useMemo } from "preact/hooks";
import type { Box, Doc } from "./ask";

const WIDE = 200;
const HIGH = 112;
// A graph that is long and thin is stretched so far.
const THIN = 40;
// In pixels: around the boxes, so that the frame shows at the edges, and of a box at least.
const ROOM = 3;
const DOT = 2;

/** One path for all boxes of a state, or of what comparing says of them: of any number of boxes, a few elements. */
export function pathsOf(boxes: Box[], least: [number, number] = [0, 0]): [string, string][] {
  const found = new Map<string, string>();
  for (const box of boxes) {
    const [w, h] = [Math.max(box.w, least[0]), Math.max(box.h, least[1])];
    const tone = box.compared ? (box.compared.tone === "dim" ? "" : box.compared.tone) : box.state;
    found.set(tone, `${found.get(tone) ?? ""}M${box.x} ${box.y}h${w}v${h}h${-w}z`);
  }
  return [...found];
}

/** `view` is what is in view: left, top, right and bottom. The keyboard has keys that do the same. */
export function Minimap(props: { doc: Doc; view: [number, number, number, number]; onGo: (x: number, y: number) => void }) {
  const { doc } = props;
  const scale = Math.min(WIDE / doc.width, HIGH / doc.height);
  const [wide, high] = [Math.max(THIN, doc.width * scale), Math.max(THIN, doc.height * scale)];
  // Of the drawing, for a pixel of the map.
  const [px, py] = [doc.width / wide, doc.height / high];
  const paths = useMemo(() => pathsOf(doc.boxes, [DOT * px, DOT * py]), [doc]);
  const acrossIn = (x: number) => Math.max(-px, Math.min(doc.width + px, x));
  const downIn = (y: number) => Math.max(-py, Math.min(doc.height + py, y));
  const [left, top, right, bottom] = props.view;
  const go = (event: PointerEvent) => {
    const map = event.currentTarget as SVGSVGElement;
    if (event.type === "pointerdown") map.setPointerCapture(event.pointerId);
    else if (!map.hasPointerCapture(event.pointerId)) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM()!.inverse());
    props.onGo(at.x, at.y);
  };
  return (
    <svg
      class="minimap"
      aria-hidden="true"
      style={{ width: `${wide + 2 * ROOM}px`, height: `${high + 2 * ROOM}px` }}
      viewBox={`${-ROOM * px} ${-ROOM * py} ${doc.width + 2 * ROOM * px} ${doc.height + 2 * ROOM * py}`}
      preserveAspectRatio="none"
      onPointerDown={go}
      onPointerMove={go}
    >
      {paths.map(([state, d]) => (
        <path key={state} class={`far f-${state}`} d={d} />
      ))}
      <rect
        x={acrossIn(left)}
        y={downIn(top)}
        width={acrossIn(right) - acrossIn(left)}
        height={downIn(bottom) - downIn(top)}
      />
    </svg>
  );
}
