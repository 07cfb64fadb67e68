package cli

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"m2pt/train"
)

// How often progress is shown.
const (
	barEvery  = time.Second / 4
	lineEvery = 10 * time.Second
)

// Progress shows how far long work is: a bar on a terminal, a log line now and
// then elsewhere. It belongs to one goroutine.
type Progress struct {
	screen *screen
	log    *slog.Logger
	now    func() time.Time

	run   string    // what the bar or lines are about
	begun time.Time // when its first step ended
	first int64     // which one that was
	since time.Time // when the window opened
	win   window

	bars *mpb.Progress
	bar  *mpb.Bar
	text atomic.Pointer[string] // beside the bar
}

// Progress returns a display; Close it before the last lines are printed.
func (c *Command) Progress() *Progress {
	return &Progress{screen: c.screen, log: c.Log, now: time.Now}
}

// Step takes note of a step. It fits train.Options.Progress.
func (p *Progress) Step(s train.Progress) {
	if s.Run != p.run {
		p.open(s)
	}
	p.win.add(s)
	if p.bar != nil {
		p.bar.SetCurrent(s.Step)
	}
	every := lineEvery
	if p.bar != nil {
		every = barEvery
	}
	now := p.now()
	if now.Sub(p.since) < every {
		return
	}
	p.show(s, now)
	p.since, p.win = now, window{}
}

// open begins to show another run.
func (p *Progress) open(s train.Progress) {
	p.Close()
	p.run, p.begun, p.first, p.win = s.Run, p.now(), s.Step, window{}
	p.since = p.begun
	if !p.screen.terminal {
		return
	}
	text := ""
	p.text.Store(&text)
	p.bars = mpb.New(mpb.WithOutput(p.screen.w), mpb.WithWidth(40), mpb.WithRefreshRate(barEvery))
	p.bar = p.bars.AddBar(s.Steps,
		mpb.PrependDecorators(decor.Name(s.Run+" "), decor.CountersNoUnit("%d/%d")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + *p.text.Load() })))
	p.screen.show(p.bars)
}

// show writes the figures of the window that ends now.
func (p *Progress) show(s train.Progress, now time.Time) {
	loss, rate := fmt.Sprintf("%.4f", p.win.loss()), fmt.Sprintf("%.1f", p.win.rate())
	data, eta := fmt.Sprintf("%.0f%%", 100*p.win.dataShare()), p.eta(s, now)
	if p.bar != nil {
		text := fmt.Sprintf("loss %s  %s/s  data %s  ETA %v", loss, rate, data, eta)
		p.text.Store(&text)
		return
	}
	p.log.Info("progress", "run", s.Run, "step", s.Step, "steps", s.Steps, "loss", loss, "samples_per_s", rate, "data", data, "eta", eta)
}

// eta is the time left at the pace so far, evaluations included.
func (p *Progress) eta(s train.Progress, now time.Time) time.Duration {
	done := max(s.Step-p.first, 1)
	return (now.Sub(p.begun) / time.Duration(done) * time.Duration(s.Steps-s.Step)).Round(time.Second)
}

// Close takes the bar away. It may be called more than once.
func (p *Progress) Close() {
	if p.bar == nil {
		return
	}
	p.screen.show(nil)
	p.bar.Abort(false)
	p.bars.Wait()
	p.bar, p.bars = nil, nil
}

// window sums steps between two looks.
type window struct {
	steps, samples int
	losses         float64
	data, total    time.Duration
}

func (w *window) add(s train.Progress) {
	w.steps++
	w.samples += s.Samples
	w.losses += s.Loss
	w.data += s.Data
	w.total += s.Total
}

func (w *window) loss() float64      { return w.losses / float64(w.steps) }
func (w *window) rate() float64      { return float64(w.samples) / w.total.Seconds() }
func (w *window) dataShare() float64 { return w.data.Seconds() / w.total.Seconds() }
