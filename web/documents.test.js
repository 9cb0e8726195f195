// The shapes that the console reads (documents.d.ts) against the API's own document: a key that the server does not send, or sends only sometimes, is found here.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('documents.d.ts', import.meta.url), 'utf8');
const { schemas } = JSON.parse(readFileSync(new URL('../docs/api/openapi.json', import.meta.url), 'utf8')).components;

/** Interfaces with the schemas they are read from. A job is known from the list, from itself, or from both. @type {Record<string, string[]>} */
const sources = {
  ProblemDocument: ['Problem'], Place: ['Place'], About: ['About'], Job: ['JobDocument', 'SummaryDocument'], Plan: ['PlanDocument'], TaskRow: ['TaskRow'], Row: ['ResultRow'],
  Review: ['ReviewDocument'], Ids: ['ResultIds'], Change: ['ChangePut'], Agreement: ['AgreementDocument'], SavePreset: ['NamedSaveRule'], SavePreview: ['SavePreview'],
  SaveRun: ['SaveStatusDocument'], Profile: ['ProfileDocument'], Costs: ['CostsDocument'], CostGroup: ['CostGroup'], LostCall: ['LostCallDocument'], Config: ['ConfigDocument'],
  AuditEntry: ['AuditEntry'], DoctorFinding: ['DoctorFinding'], Loose: ['LooseDocument'],
  AssetCard: ['AssetCard'], ReviewWords: ['AssetReviewWords'], AssetList: ['AssetList'], AssetPicture: ['AssetPicture'], Asset: ['AssetDocument'], Spread: ['Spread'],
  DriftPicture: ['DriftPicture'], Drift: ['DriftDocument'],
};

/** The keys of an interface, outermost only, and whether each may be missing. @param {string} name */
function keysOf(name) {
  const start = text.indexOf(`interface ${name} {`);
  assert.ok(start >= 0, `${name} is in documents.d.ts`);
  let depth = 0;
  let outer = '';
  for (const char of text.slice(text.indexOf('{', start))) {
    if (char === '}') depth -= 1;
    if (depth === 1) outer += char;
    if (char === '{') depth += 1;
    if (depth === 0) break;
  }
  return [...outer.matchAll(/(?:^|[;\n])\s*(\w+)(\??):/g)].map(([, key, mark]) => ({ key: /** @type {string} */ (key), optional: mark === '?' }));
}

for (const [name, from] of Object.entries(sources)) {
  test(`${name} has only what the API sends`, () => {
    const documents = from.map((schema) => schemas[schema]);
    const keys = keysOf(name);
    assert.ok(keys.length > 1, 'the keys were read');
    for (const { key, optional } of keys) {
      const has = documents.filter((schema) => key in schema.properties);
      assert.ok(has.length > 0, `${key} is in none of ${from.join(', ')}`);
      if (!optional) assert.equal(has.length, documents.length, `${key} is not in each of ${from.join(', ')}, so it may be missing`);
    }
  });
}
