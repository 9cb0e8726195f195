// Arithmetic of the charts.

/** Round steps of an axis from 0 to at least `most`. @param {number} most @param {number} [steps] */
export function ticks(most, steps = 4) {
  if (!(most > 0)) return [0, 1];
  const rough = most / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = /** @type {number} */ ([1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough - 1e-12));
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** Days without a call have a place too. @template {{ name: string }} G @param {G[]} groups Named YYYY-MM-DD. @param {number} days How many up to `today`; 0: from the first.
 * @param {string} today @returns {{ day: string, group: G | null }[]} */
export function filled(groups, days, today) {
  const by = new Map(groups.map((group) => [group.name, group]));
  const first = groups.map(({ name }) => name).sort()[0] ?? today;
  const end = Date.parse(`${today}T00:00:00Z`);
  const begin = days > 0 ? end - (days - 1) * 86_400_000 : Math.max(Date.parse(`${first}T00:00:00Z`), end - 729 * 86_400_000);
  const all = [];
  for (let at = begin; at <= end; at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    all.push({ day, group: by.get(day) ?? null });
  }
  return all;
}
