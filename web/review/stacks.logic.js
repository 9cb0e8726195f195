// Near-duplicates folded into stacks.

/** @param {number[][]} stacks @returns {Map<number, number>} from a result to its stack */
export function stackOf(stacks) {
  const map = new Map();
  stacks.forEach((ids, stack) => { if (ids.length > 1) for (const id of ids) map.set(id, stack); });
  return map;
}

/** What is on the screen: of a folded stack only the first in the list's order. A stack in `turned` is the other way round than `all_folded` says.
 * @param {number[]} ids @param {Map<number, number>} of @param {boolean} all_folded @param {Set<number>} turned */
export function folded(ids, of, all_folded, turned) {
  if (of.size === 0 || (!all_folded && turned.size === 0)) return ids;
  const seen = new Set();
  return ids.filter((id) => {
    const stack = of.get(id);
    if (stack === undefined || turned.has(stack) === all_folded) return true;
    if (seen.has(stack)) return false;
    seen.add(stack);
    return true;
  });
}
