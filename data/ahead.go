package data

import "context"

// Ahead ends the epoch that is being ranged over with the batch that the loop body
// holds, and begins to read another one, from its start, into the other buffers, so
// that its first batches are there when [Loader.Epoch] is called for it with the same
// context. Called in the loop body of an epoch's last batch, it keeps workers busy
// over that step and an evaluation; elsewhere it does nothing. A Loader that reads
// ahead is closed in the end.
func (l *Loader) Ahead(ctx context.Context, epoch int) {
	if l.run == nil || l.ahead != nil {
		return
	}
	l.run.stop()
	l.order.arrange(&l.opt, epoch)
	l.ahead = l.start(ctx, epoch, 0, l.run.held)
}

// Close stops reading ahead. It is not for loop bodies; the Loader stays usable.
func (l *Loader) Close() {
	if l.ahead != nil {
		l.ahead.stop()
		l.ahead = nil
	}
}

// begin returns the epoch that was begun ahead, if it is the one wanted, or a new one.
func (l *Loader) begin(ctx context.Context, epoch, start int) *epochRun {
	if r := l.ahead; r != nil && r.epoch == epoch && r.given == ctx && start == 0 {
		l.ahead = nil
		return r
	}
	l.Close()
	l.order.arrange(&l.opt, epoch)
	return l.start(ctx, epoch, start, nil)
}
