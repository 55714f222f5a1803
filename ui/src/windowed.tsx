// A list of any length of which only what is in view is in the document.
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

const AROUND = 6;

/** Gives the first and last row to draw; scrolls so that row `into` is in view. */
export function useWindow(
  box: RefObject<HTMLElement>,
  count: number,
  height: number,
  into: number,
): [number, number] {
  const [seen, setSeen] = useState<[number, number]>([0, 800]);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setSeen([element.scrollTop, element.clientHeight]);
    look();
    element.addEventListener("scroll", look, { passive: true });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      sizes.disconnect();
    };
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || into < 0) return;
    const top = into * height;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + height > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + height - element.clientHeight + 4;
    }
  }, [into, count, height]);
  const first = Math.max(0, Math.floor(seen[0] / height) - AROUND);
  const last = Math.min(count, Math.ceil((seen[0] + seen[1]) / height) + AROUND);
  return [first, last];
}

export function Rows(props: { count: number; height: number; children: ComponentChildren }) {
  return (
    <div class="rows" role="presentation" style={{ height: `${props.count * props.height}px` }}>
      {props.children}
    </div>
  );
}
