// Comparing with another output: the dialog that asks which, and the bar that says how it came out.
import { useRef } from "preact/hooks";
import type { Comparison } from "./ask";
import { leaveDialog } from "./help";

const FEW = 3;
const sideBySide = (other: string, name: string): string => `/diff/${encodeURIComponent(other)}..${encodeURIComponent(name)}`;

/** Always in the document, hidden until `open.current()` is called. */
export function CompareDialog(props: { name: string; other: string; open: { current: () => void }; onShow: (other: string) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const input = useRef<HTMLInputElement>(null);
  props.open.current = () => {
    form.current!.reset();
    dialog.current!.showModal();
    // What is typed replaces the output that is compared with now.
    input.current!.select();
  };
  const go = (event: SubmitEvent) => {
    event.preventDefault();
    const named = input.current!.value.trim();
    if (!named || !dialog.current!.open) return;
    if ((event.submitter as HTMLButtonElement | null)?.value === "side") location.assign(sideBySide(named, props.name));
    else {
      dialog.current!.close();
      props.onShow(named);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby="compare" onClose={leaveDialog}>
      <h2 id="compare">Compare {props.name}</h2>
      <form class="compare" ref={form} onSubmit={go}>
        <label for="other">With which output? Give the id of one that was right.</label>
        <input ref={input} id="other" required autocomplete="off" spellcheck={false} defaultValue={props.other} />
        <div class="actions">
          <button value="graph">Show in this graph</button>
          <button value="side">Side by side</button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** `found` is null until the server has compared. */
export function CompareBar(props: { name: string; other: string; found: Comparison | null; onStop: () => void }) {
  const { found } = props;
  const hidden = found ? found.there_total - found.there.length : 0;
  return (
    <section class="comparing" aria-label="Comparison">
      <div>
        <span role="status">{found ? `Compared with ${found.other}: ${found.said}` : `Comparing with ${props.other}…`}</span>
        <a href={sideBySide(props.other, props.name)}>side by side</a>
        <button onClick={props.onStop}>Stop comparing</button>
      </div>
      {found && found.there_total > 0 && (
        <details open={found.there_total <= FEW}>
          <summary>− only there: {found.there_total === 1 ? "1 step" : `${found.there_total.toLocaleString("en")} steps`}</summary>
          <ul>
            {found.there.map((each) => (
              <li key={each.run}>
                <a href={`/r/${encodeURIComponent(each.run)}`}>{each.said}</a>, {each.about}
              </li>
            ))}
            {hidden > 0 && <li>and {hidden.toLocaleString("en")} more</li>}
          </ul>
        </details>
      )}
    </section>
  );
}
