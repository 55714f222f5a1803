// The keyboard map, and the switch that turns single letters off.
import { useEffect, useRef, useState } from "preact/hooks";
import { keep, kept } from "./kept";

const KEYS: [string, string][] = [
  ["/", "the box for an id"],
  ["← →", "in the graph: what it was made from, what it went into"],
  ["↑ ↓", "the step above, the step below"],
  ["Home", "the output"],
  ["Enter", "open a group; details of a step"],
  ["[ ]", "fold, open the group of the chosen step"],
  ["+ − 0", "zoom in, out, fit all"],
  ["n p", "next, previous warning"],
  ["g t b", "graph, timeline, table"],
  ["f", "flag this output"],
  ["d", "compare with another output"],
  ["?", "this list"],
  ["Esc", "choose nothing; close"],
];

// A browser that keeps nothing has the keys on.
export const keysAreOn = (): boolean => kept("keys") !== "off";

export function Keys({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [on, setOn] = useState(keysAreOn());
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="keys" onClose={onClose}>
      <h2 id="keys">Keys</h2>
      <dl class="map">
        {KEYS.map(([key, does]) => (
          <>
            <dt key={key}>{key}</dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <p>
        <label>
          <input
            type="checkbox"
            checked={on}
            onChange={(event) => {
              setOn(event.currentTarget.checked);
              keep("keys", event.currentTarget.checked ? "on" : "off");
            }}
          />{" "}
          single letters do something
        </label>
      </p>
      <button onClick={() => dialog.current?.close()}>Close</button>
    </dialog>
  );
}
