// Fills values into texts.

/** `{name}` is replaced by its value (numbers grouped), `{n|one|many}` by a form.
 * @param {string} text @param {Record<string, unknown>} values @param {string} language */
export function fill(text, values, language) {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g, (whole, name, one, many) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (one !== undefined) return value === 1 ? one : many;
    return typeof value === 'number' ? value.toLocaleString(language) : String(value);
  });
}
