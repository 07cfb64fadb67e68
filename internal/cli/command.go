// Package cli is what the m2pt commands share: flags, help, exit status, log,
// progress, devices and signals.
//
// A command's main makes a [Command], adds its flags and calls [Command.Main].
// What people read goes to stderr; stdout carries only what was asked for: the
// text of -h and -version, and with -json one JSON object as the last line.
package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
)

// Help is what -h says beside the options.
type Help struct {
	Name    string // of the command: "m2pt-train"
	Usage   string // the arguments, as in "NAME [ARGUMENTS]"
	About   string // what the command does
	Example string // command lines
	// Operands names the arguments that are no flags, all of them required.
	Operands []string
	// Exit is the EXIT STATUS of a command that has its own.
	Exit string
}

// Command is one program on one pair of outputs. Add flags before Main.
type Command struct {
	Help
	Flags *flag.FlagSet
	Log   *slog.Logger

	stdout   io.Writer
	screen   *screen
	operands []string
	json     bool
	version  bool
}

// New returns a command with the flags that all commands have: -json and
// -version (-h is built in).
func New(h Help, stdout, stderr io.Writer) *Command {
	s := newScreen(stderr)
	c := &Command{Help: h, Flags: flag.NewFlagSet(h.Name, flag.ContinueOnError), Log: newLog(s), stdout: stdout, screen: s}
	c.Flags.SetOutput(io.Discard)
	c.Flags.BoolVar(&c.json, "json", false, "print the result as one JSON object, the last line on stdout")
	c.Flags.BoolVar(&c.version, "version", false, "print version and commit, and leave")
	return c
}

// Main parses the arguments, runs do and returns the exit status. Problems are
// printed one a line. The context ends at the first SIGINT, SIGTERM or
// SIGHUP; a second one ends the process.
func (c *Command) Main(args []string, do func(context.Context) error) Code {
	switch err := c.parse(args); {
	case errors.Is(err, flag.ErrHelp):
		c.help()
		return Done
	case err != nil:
		return c.fail(context.Background(), err)
	case c.version:
		fmt.Fprintln(c.stdout, c.Name, Version())
		return Done
	}
	ctx, release := c.untilSignal(context.Background())
	defer release()
	return c.fail(ctx, do(ctx))
}

func (c *Command) parse(args []string) error {
	for {
		err := c.Flags.Parse(args)
		switch rest := c.Flags.Args(); {
		case errors.Is(err, flag.ErrHelp):
			return err
		case err != nil:
			return Misused("%v (%s -h lists the options)", err, c.Name)
		case len(rest) == 0:
			return c.complete()
		case len(c.operands) == len(c.Operands):
			return Misused("unexpected argument %q (%s -h lists what there is)", rest[0], c.Name)
		default:
			c.operands, args = append(c.operands, rest[0]), rest[1:]
		}
	}
}

// complete checks that every operand is there.
func (c *Command) complete() error {
	if missing := c.Operands[len(c.operands):]; len(missing) > 0 && !c.version {
		return Misused("name %s (%s -h)", strings.Join(missing, " and "), c.Name)
	}
	return nil
}

// Operand is the argument that stands in the place of Operands[i].
func (c *Command) Operand(i int) string { return c.operands[i] }

// fail prints the problems of err, if any, and returns its exit status.
func (c *Command) fail(ctx context.Context, err error) Code {
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			c.Printf("%s: %s\n", c.Name, strings.TrimSuffix(line, "\n"))
		}
	}
	return codeOf(ctx, err)
}

// Printf writes text for people, to stderr.
func (c *Command) Printf(format string, args ...any) { fmt.Fprintf(c.screen, format, args...) }

// Text is where text for people goes: stderr.
func (c *Command) Text() io.Writer { return c.screen }

// Result prints the result as JSON if -json asks for it.
func (c *Command) Result(v any) error {
	if !c.json {
		return nil
	}
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	if _, err = fmt.Fprintf(c.stdout, "%s\n", line); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}

func (c *Command) help() {
	w := c.stdout
	fmt.Fprintf(w, "Usage: %s %s\n\n%s\n\nOptions:\n", c.Name, c.Usage, c.About)
	c.Flags.SetOutput(w)
	c.Flags.PrintDefaults()
	fmt.Fprintf(w, "\nEXIT STATUS\n%s\nExample:\n", cmp.Or(c.Exit, exitStatus))
	for line := range strings.Lines(c.Example) {
		fmt.Fprintf(w, "  %s", line)
	}
	fmt.Fprintln(w)
}

// Version is the module's version, the commit it was built from and the Go
// release, as far as the binary knows them.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	commit, dirty := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ", modified"
		}
	}
	return fmt.Sprintf("%s (commit %s%s, %s)", info.Main.Version, commit, dirty, info.GoVersion)
}
