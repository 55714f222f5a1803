// What the browser keeps for this site; one that keeps nothing is no error.
export const kept = (what: string): string | null => {
  try {
    return localStorage.getItem(`backtrail-${what}`);
  } catch {
    return null;
  }
};

export const keep = (what: string, value: string): void => {
  try {
    localStorage.setItem(`backtrail-${what}`, value);
  } catch {
    // It holds for this page then.
  }
};
