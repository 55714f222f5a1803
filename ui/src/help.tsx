// The keyboard map, and the switch that turns single letters off.
import { useEffect, useRef, useState } from "preact/hooks";

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

export const keysAreOn = (): boolean => {
  try {
    return localStorage.getItem("backtrail-keys") !== "off";
  } catch {
    return true;
  }
};

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
              try {
                localStorage.setItem("backtrail-keys", event.currentTarget.checked ? "on" : "off");
              } catch {
                // A browser that keeps nothing has the keys on.
              }
            }}
          />{" "}
          single letters do something
        </label>
      </p>
      <button onClick={() => dialog.current?.close()}>Close</button>
    </dialog>
  );
}
