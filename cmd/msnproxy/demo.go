package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"msnproxy/decode"
	"msnproxy/internal/sim/peers"
	"msnproxy/proxy"
)

func newDemo(std stdio) *cobra.Command {
	f := proxyFlags{listen: "127.0.0.1:0", captureSide: "server", color: "auto", logLevel: "warn", logFormat: "console"}
	var dialects []int
	var pause time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the proxy at work between a scripted server and two clients",
		Long: `Demo runs a small MSN server and two clients of its own on the loopback
interface, with the real proxy between them. They sign in, talk and sign out;
every command shows as it passes, and then the report.`,
		Args: wantNone,
		RunE: func(cmd *cobra.Command, _ []string) error {
			play, err := newPlay(dialects, pause)
			if err != nil {
				return err
			}
			return runDemo(cmd.Context(), std, f, play)
		},
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&dialects, "dialects", []int{18, 8}, "dialects of the two clients: two of 8, 11, 12, 15, 18")
	flags.DurationVar(&pause, "pause", 0, "how long the two take for each thing they do")
	flags.BoolVar(&f.json, "json", false, "print JSON, one object a line; the report goes to standard error")
	flags.StringVar(&f.capture, "capture", "", "write the dialogue to a pcapng file")
	flags.StringVar(&f.color, "color", "auto", "colour the transcript: auto, always or never")
	flags.IntVar(&f.width, "width", 0, "width in columns (default: the terminal's, or 80)")
	return cmd
}

// newPlay is the evening of two clients that speak those dialects.
func newPlay(dialects []int, pause time.Duration) (*peers.Play, error) {
	play := &peers.Play{Pause: pause}
	if len(dialects) != len(play.Dialects) {
		return nil, flagError("--dialects: name two, such as 18,8")
	}
	for i, d := range dialects {
		play.Dialects[i] = decode.Dialect(d)
		known := false
		for _, p := range peers.Dialects {
			known = known || int(p) == d
		}
		if !known {
			return nil, flagError("--dialects: the scripted clients do not speak MSNP%d; use 8, 11, 12, 15 or 18", d)
		}
	}
	return play, nil
}

// runDemo has the two spend their evening through a proxy, which ends with it.
func runDemo(ctx context.Context, std stdio, f proxyFlags, play *peers.Play) error {
	server, err := peers.NewServer(peers.ServerConfig{})
	if err != nil {
		return err
	}
	defer server.Close()
	f.upstream = server.Addr(decode.DS)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	evening := make(chan error, 1)
	err = runProxy(ctx, std, f, func(ctx context.Context, p *proxy.Proxy) {
		play.Server = p.Addr().String()
		go func() {
			defer cancel()
			evening <- spend(ctx, play, server)
		}()
	})
	select {
	case e := <-evening:
		err = errors.Join(err, e)
	default: // the proxy did not even start, or was stopped
	}
	return err
}

// spend has the two spend their evening, and returns what either end noticed.
// Of an evening that is broken off, nobody wants to know.
func spend(ctx context.Context, play *peers.Play, server *peers.Server) error {
	err := play.Run(ctx)
	if err == nil {
		err = server.Idle(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(append(server.Errors(), err)...)
}
