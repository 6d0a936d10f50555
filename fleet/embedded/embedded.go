// Package embedded is a NATS server within the process.
package embedded

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"racelab/fleet"
)

// Server is a server that runs.
type Server struct {
	*server.Server
	login []nats.Option
}

// Login is how this process logs in.
func (s *Server) Login() []nats.Option { return s.login }

// Shutdown ends the server; its state is in its folder then.
func (s *Server) Shutdown() {
	s.Server.Shutdown()
	s.WaitForShutdown()
}

// Start starts a server with JetStream, which keeps its state in a folder and writes
// it through to the disk before it acknowledges anything. It listens at HOST:PORT. If
// there is a configuration file of NATS, that says where, and who may log in. Where the
// file names no host it is this machine only.
func Start(folder, listen, config string) (fleet.Server, error) {
	options, login, err := configure(listen, config)
	if err != nil {
		return nil, err
	}
	options.ServerName = "simrun"
	options.JetStream, options.StoreDir = true, folder
	// By default it writes every two minutes: a crash of the machine would lose what
	// had been acknowledged.
	options.SyncAlways = true
	options.NoSigs, options.DisableJetStreamBanner = true, true
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("the NATS server within: %w", err)
	}
	failed := make(log, 1)
	s.SetLoggerV2(failed, false, false, false)
	go s.Start()
	began := time.Now()
	for !s.ReadyForConnections(100 * time.Millisecond) {
		select {
		case why := <-failed:
			s.Shutdown()
			return nil, fmt.Errorf("the NATS server within: %s", why)
		default:
		}
		if time.Since(began) > time.Minute {
			s.Shutdown()
			return nil, fmt.Errorf("the NATS server within is not ready after a minute")
		}
	}
	return &Server{s, login}, nil
}

// configure reads the configuration, and adds a user for this process if users have to
// log in.
func configure(listen, config string) (*server.Options, []nats.Option, error) {
	if config == "" {
		host, port, err := net.SplitHostPort(listen)
		number, err2 := strconv.ParseUint(port, 10, 16)
		if cmp.Or(err, err2) != nil || host == "" || number == 0 {
			return nil, nil, fmt.Errorf("--listen %.60q is not possible; want HOST:PORT", listen)
		}
		return &server.Options{Host: host, Port: int(number)}, nil, nil
	}
	options, err := server.ProcessConfigFile(config)
	if err != nil {
		return nil, nil, fmt.Errorf("--config %.120s: %w", config, err)
	}
	options.Host = cmp.Or(options.Host, "127.0.0.1")
	var login []nats.Option
	if options.TLSConfig != nil {
		// This process need not be told who it is: the bytes do not leave it.
		login = append(login, nats.Secure(&tls.Config{InsecureSkipVerify: true}))
	}
	switch {
	case options.Authorization != "":
		return options, append(login, nats.Token(options.Authorization)), nil
	case options.Username != "":
		options.Users = append(options.Users, &server.User{Username: options.Username, Password: options.Password})
		options.Username, options.Password = "", ""
		fallthrough
	case len(options.Users) > 0:
		own := &server.User{Username: "simrun-" + rand.Text(), Password: rand.Text(), Account: options.Users[0].Account}
		options.Users = append(options.Users, own)
		return options, append(login, nats.UserInfo(own.Username, own.Password)), nil
	}
	return options, login, nil // All may, or --creds says who this is.
}

// log keeps the first thing that ends a server, and nothing else.
type log chan string

func (l log) Fatalf(format string, args ...any) {
	select {
	case l <- fmt.Sprintf(format, args...):
	default:
	}
}
func (log) Noticef(string, ...any) {}
func (log) Warnf(string, ...any)   {}
func (log) Errorf(string, ...any)  {}
func (log) Debugf(string, ...any)  {}
func (log) Tracef(string, ...any)  {}
