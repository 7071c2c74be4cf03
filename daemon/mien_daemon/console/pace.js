// How often something is done, however often it is asked for.

/** For what tells how long ago something was. */
export function everyMinute(work, signal) {
  const timer = setInterval(work, 60_000);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** At most once a frame, however many events come. */
export function batched(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
