import test from 'node:test';
import assert from 'node:assert/strict';
import { compared, GAP, inView, layout, moved, place, range, reveal } from './grid.logic.js';

const grid = layout({ width: 1000, count: 100_000, size: 180 });

test('cells fill the width and never overlap', () => {
  assert.equal(grid.columns, 5);
  for (let index = 0; index < 10; index += 1) {
    const here = place(grid, index);
    const next = place(grid, index + 1);
    if (Math.floor(index / 5) === Math.floor((index + 1) / 5)) assert.equal(next.left - here.left, grid.width + GAP);
    assert.ok(here.left + grid.width <= 1000);
  }
  assert.equal(layout({ width: 320, count: 3, size: 400 }).columns, 2);
});

test('only what is in view and a row around it is there', () => {
  const { first, end } = inView(grid, 50_000, 800, 100_000);
  assert.ok(end - first <= 40);
  assert.ok(place(grid, first).top <= 50_000 && place(grid, end - 1).top + grid.height >= 50_800);
  assert.deepEqual(inView(grid, 0, 800, 3), { first: 0, end: 3 });
  assert.equal(inView(grid, grid.total_px, 800, 100_000).end, 100_000);
});

test('showing a picture moves as little as possible', () => {
  assert.equal(reveal(grid, 0, 0, 800), 0);
  const row = grid.height + GAP;
  assert.equal(reveal(grid, 5, 0, 2 * row + GAP), 0);
  assert.equal(reveal(grid, 500, 0, 800), place(grid, 500).top + grid.height + GAP - 800);
  assert.equal(reveal(grid, 0, 5000, 800), 0);
});

test('arrows stop at the edges', () => {
  assert.equal(moved('left', 0, 12, 5), 0);
  assert.equal(moved('up', 3, 12, 5), 3);
  assert.equal(moved('down', 7, 12, 5), 11, 'a short last row is reached at its end');
  assert.equal(moved('down', 10, 12, 5), 10);
  assert.equal(moved('right', 11, 12, 5), 11);
  assert.equal(moved('page_down', 1, 12, 5, 9), 11);
  assert.equal(moved('right', 0, 0, 5), -1);
});

test('new results at the end change nothing else', () => {
  assert.equal(compared([1, 2], [1, 2]), 'same');
  assert.equal(compared([1, 2], [1, 2, 3]), 'longer');
  assert.equal(compared([1, 2], [3, 1, 2]), 'other');
  assert.equal(compared([1, 2], [1]), 'other');
});

test('a range works in both directions', () => {
  assert.deepEqual(range([5, 6, 7, 8], 2, 0), [5, 6, 7]);
});
