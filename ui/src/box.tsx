// The box for an id, with what begins so, or has it in its name, description or flag, while one types.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ask, type Match } from "./ask";

const addressOf = (match: Match): string =>
  match.what === "component" ? `/c/${encodeURIComponent(match.name)}` : `/o/${encodeURIComponent(match.name)}`;

export function Box({ first }: { first: string }) {
  const [text, setText] = useState(first);
  const [found, setFound] = useState<Match[]>([]);
  const [chosen, setChosen] = useState(-1);
  const [said, setSaid] = useState("");
  const typed = useRef(false);
  const list = useId();
  useEffect(() => {
    if (!typed.current || text.trim().length < 2) {
      setFound([]);
      setSaid("");
      return;
    }
    const stop = new AbortController();
    const later = setTimeout(() => {
      ask<{ matches: Match[] }>(`/api/v1/find?${new URLSearchParams({ q: text.trim() })}`, stop.signal)
        .then(({ matches }) => {
          const shown = matches.slice(0, 12);
          setFound(shown);
          setChosen(-1);
          setSaid(shown.length === 0 ? "Nothing has this in its name" : `${shown.length} found`);
        })
        .catch((error) => {
          if (!stop.signal.aborted) setSaid(String(error.message ?? error));
        });
    }, 120);
    return () => {
      clearTimeout(later);
      stop.abort();
    };
  }, [text]);
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (found.length === 0) return;
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((chosen + step + found.length + (chosen < 0 && step < 0 ? 1 : 0)) % found.length);
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.assign(addressOf(found[chosen]!));
    } else if (event.key === "Escape") {
      setFound([]);
      setChosen(-1);
    }
  };
  const isOpen = found.length > 0;
  return (
    <form class="box" action="/o" role="search">
      <label class="hidden" for="id">
        Output id
      </label>
      <input
        id="id"
        name="id"
        required
        autocomplete="off"
        spellcheck={false}
        placeholder="Paste an output id, or type part of it"
        value={text}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={isOpen}
        aria-controls={list}
        aria-activedescendant={chosen >= 0 ? `${list}-${chosen}` : undefined}
        onInput={(event) => {
          typed.current = true;
          setText(event.currentTarget.value);
        }}
        onKeyDown={keys}
        onBlur={() => setTimeout(() => setFound([]), 200)}
      />
      <button>Trace</button>
      <ul class="found" id={list} role="listbox" aria-label="Found" hidden={!isOpen}>
        {found.map((match, n) => (
          <li
            key={match.what + match.name}
            id={`${list}-${n}`}
            role="option"
            aria-selected={n === chosen}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => location.assign(addressOf(match))}
          >
            {match.name}{" "}
            <span class="dim">
              {match.what === "component"
                ? "component"
                : [match.component, match.at?.slice(0, 16).replace("T", " "), match.note && `flagged: ${match.note}`].filter(Boolean).join(", ")}
            </span>
          </li>
        ))}
      </ul>
      <span class="hidden" role="status">
        {said}
      </span>
    </form>
  );
}
