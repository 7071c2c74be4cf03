// Several pictures in a place: none could be larger in another number of columns.
import assert from "node:assert/strict";
import test from "node:test";

import { bestGrid } from "../../../../daemon/mien_daemon/console/viewer/grid.js";

test("pictures in a row where the place is wide, below one another where it is high", () => {
  assert.deepEqual(bestGrid(3, 1, { width: 300, height: 100 }, 0), { columns: 3, across: 100 });
  assert.deepEqual(bestGrid(3, 1, { width: 100, height: 300 }, 0), { columns: 1, across: 100 });
});

test("seven squares stand in three rows of a place that is nearly square", () => {
  assert.equal(bestGrid(7, 1, { width: 868, height: 680 }).columns, 3);
});

test("a grid is never wider or higher than its place", () => {
  for (const count of [2, 3, 5, 7])
    for (const ratio of [0.5, 1, 2])
      for (const place of [
        { width: 374, height: 420 },
        { width: 900, height: 500 },
      ]) {
        const { columns, across } = bestGrid(count, ratio, place);
        const rows = Math.ceil(count / columns);
        assert.ok(columns * across + 6 * (columns - 1) <= place.width + 1e-9);
        assert.ok((rows * across) / ratio + 6 * (rows - 1) <= place.height + 1e-9);
      }
});
