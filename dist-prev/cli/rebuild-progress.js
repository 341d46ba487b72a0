import { Progress } from './progress.js';
export class RebuildProgress {
    isQuiet;
    status = null;
    progress = null;
    constructor(isQuiet) {
        this.isQuiet = isQuiet;
    }
    show({ status, sequence, wantedSequence, rows, wantedRows }) {
        if (status === 'completed' || status === 'failed')
            return this.clear();
        if (status !== this.status) {
            this.clear();
            this.status = status;
            const noun = status === 'building' ? 'usage events folded' : 'rows compared';
            this.progress = new Progress(this.isQuiet ? null : process.stderr, noun);
        }
        if (status === 'building')
            this.progress?.show(sequence, wantedSequence === 0 ? null : sequence / wantedSequence);
        else
            this.progress?.show(rows, wantedRows === 0 ? null : rows / wantedRows);
    }
    clear() {
        this.progress?.clear();
    }
}
//# sourceMappingURL=rebuild-progress.js.map