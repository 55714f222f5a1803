// The keyboard map, and the switch that turns single letters off.
import { useRef, useState } from "preact/hooks";
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

/** Take the focus out of a dialog that was closed: until the next paint it stays on what is hidden now. */
export const leaveDialog = (event: Event): void => {
  const focused = document.activeElement as HTMLElement | null;
  if ((event.currentTarget as HTMLElement).contains(focused)) focused!.blur();
};

/** Always in the document, hidden until `open.current()` is called. */
export function Keys({ open }: { open: { current: () => void } }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [on, setOn] = useState(keysAreOn());
  open.current = () => {
    setOn(keysAreOn());
    dialog.current!.showModal();
  };
  return (
    <dialog ref={dialog} aria-labelledby="keys" onClose={leaveDialog}>
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
