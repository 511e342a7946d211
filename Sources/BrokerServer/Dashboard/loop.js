// The one place where the page is drawn: messages only note that something changed, and a frame shows it.

const jobs = [];
let isRequested = false;

/** Has `job` called in each frame that is drawn, with the time. */
export function drawWith(job) {
  jobs.push(job);
}

/** Asks for a frame. */
export function invalidate() {
  if (isRequested) return;
  isRequested = true;
  requestAnimationFrame(() => {
    isRequested = false;
    const now = Date.now();
    for (const job of jobs) job(now);
  });
}

setInterval(invalidate, 1000); // ages, and charts that move on
