/** Every projection there is, in the order a batch is given to them: cells are counted from what the index wrote. */
import { idempotencyKeysProjection } from './idempotency-keys.js';
import { MeterActivityProjection } from './meter-activity.js';
import { meterChangesProjection } from './meter-changes.js';
import { metersProjection } from './meters.js';
import { UsageCellsProjection } from './usage-cells.js';
import { UsageChanges } from './usage-changes.js';
import { UsageIndexProjection } from './usage-index.js';
import { usageMarksProjection } from './usage-marks.js';
import { usageRejectionsProjection } from './usage-rejections.js';
/** `cellsAddedElsewhereUpTo`: as `UsageCellsProjection` takes it. */
export function allProjections(report, cellsAddedElsewhereUpTo = 0) {
    const changes = new UsageChanges();
    return [
        metersProjection,
        meterChangesProjection,
        new UsageIndexProjection(report, changes),
        new UsageCellsProjection(changes, cellsAddedElsewhereUpTo),
        usageMarksProjection,
        new MeterActivityProjection(),
        usageRejectionsProjection,
        idempotencyKeysProjection,
    ];
}
//# sourceMappingURL=projections.js.map