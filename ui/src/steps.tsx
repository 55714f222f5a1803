// The list of steps, nearest first: one tab stop, arrows go through it.
import { useRef } from "preact/hooks";
import { type Compared, isGroup, type Step } from "./ask";
import { Rows, useWindow } from "./windowed";

const LINE = 24;
const HEIGHT = 52;

export function Steps(props: {
  steps: Step[];
  step: number | null;
  group: string | null;
  grouped: boolean;
  onStep: (n: number) => void;
  onGroup: (name: string) => void;
}) {
  const { steps, step } = props;
  // How a step compares has a line of its own: no room is taken from what went wrong.
  const height = steps[0]?.compared ? HEIGHT + LINE : HEIGHT;
  const box = useRef<HTMLDivElement>(null);
  const at = useRef(0);
  const exact = steps.findIndex((each) => !isGroup(each) && each.n === step);
  const chosen =
    exact < 0 && step !== null ? steps.findIndex((each) => isGroup(each) && each.group === props.group) : exact;
  const active = chosen >= 0 ? chosen : Math.min(at.current, Math.max(steps.length - 1, 0));
  const [first, last] = useWindow(box, steps.length, height, chosen);
  const go = (place: number) => {
    const to = Math.max(0, Math.min(steps.length - 1, place));
    const target = steps[to];
    if (!target) return;
    at.current = to;
    if (isGroup(target)) {
      box.current?.scrollTo({ top: Math.max(0, (to - 3) * height) });
      props.onStep(-1);
    } else props.onStep(target.n);
  };
  const keys = (event: KeyboardEvent) => {
    const jump = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    const target = steps[active];
    if (jump) go(active + jump);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(steps.length - 1);
    else if ((event.key === "Enter" || event.key === " ") && target && isGroup(target)) {
      props.onGroup(target.group);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  if (steps.length === 0) return <p class="details dim">No step is like that. Clear the filter to see all.</p>;
  return (
    <div
      class="scroll"
      ref={box}
      role="listbox"
      aria-label="Steps, nearest first"
      tabIndex={0}
      aria-activedescendant={`row-${active}`}
      onKeyDown={keys}
    >
      <Rows count={steps.length} height={height}>
        {steps.slice(first, last).map((each, place) => {
          const n = first + place;
          const style = { top: `${n * height}px`, height: `${height}px` };
          return isGroup(each) ? (
            <div
              key={`g${each.group}`}
              id={`row-${n}`}
              class={`row group${n === active && (step === null || n === chosen) ? " chosen" : ""}`}
              style={style}
              role="option"
              aria-selected={n === active && (chosen < 0 || n === chosen)}
              onClick={() => {
                at.current = n;
                props.onGroup(each.group);
              }}
            >
              <div class="first">
                <span>
                  {each.open ? "▾" : "▸"} {each.group}
                </span>
                <span class="dim">{each.open ? "open" : "folded"}</span>
              </div>
              <div class={each.tone || "dim"}>{each.about}</div>
              <Comparing compared={each.compared} />
            </div>
          ) : (
            <div
              key={each.n}
              id={`row-${n}`}
              class={`row${each.n === step ? " chosen" : ""}${props.grouped ? " inner" : ""}`}
              style={style}
              role="option"
              aria-selected={each.n === step}
              onClick={() => props.onStep(each.n)}
            >
              <div class="first">
                <span>
                  #{each.n} {each.component}
                </span>
                <span class={each.tone || "dim"}>{each.state}</span>
              </div>
              <div class="dim">
                {each.started} · {each.why}
              </div>
              <Comparing compared={each.compared} />
            </div>
          );
        })}
      </Rows>
    </div>
  );
}

function Comparing({ compared }: { compared: Compared | null }) {
  return compared && <div class={compared.tone}>{compared.text}</div>;
}
