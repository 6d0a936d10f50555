package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
)

// line is the flags of a connection, and the connection.
type line struct {
	url, creds, ca, cert, key string
	wait                      time.Duration

	conn *nats.Conn
	js   jetstream.JetStream
}

func (l *line) flags(c *cobra.Command, url, help string) {
	f := c.Flags()
	f.StringVar(&l.url, "nats", url, help+"; nats:// or tls://, with USER:PASSWORD@ or TOKEN@ if it wants them")
	f.StringVar(&l.creds, "creds", "", "the credentials file of a NATS user")
	f.StringVar(&l.ca, "tls-ca", "", "the file of the authority that signs the server's certificate")
	f.StringVar(&l.cert, "tls-cert", "", "the file of a certificate of one's own, for a server that asks for it")
	f.StringVar(&l.key, "tls-key", "", "the file of its key")
	f.DurationVar(&l.wait, "wait", time.Minute, "how long a server may be away that was there")
}

// address is the server's, without a password.
func (l *line) address() string {
	u, err := url.Parse(l.url)
	if err != nil {
		return l.url
	}
	return u.Redacted()
}

// connect connects to the server, once: who typed a wrong address is to see it.
func (l *line) connect(more ...nats.Option) error {
	if (l.cert == "") != (l.key == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if l.wait < time.Second {
		return fmt.Errorf("--wait %v is too short; want 1s or more", l.wait)
	}
	options := append([]nats.Option{
		nats.Name("simrun"), nats.MaxReconnects(-1), nats.ReconnectWait(pause), nats.Timeout(5 * time.Second),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // Its own writes to stderr.
	}, more...)
	if l.creds != "" {
		options = append(options, nats.UserCredentials(l.creds))
	}
	if l.ca != "" {
		options = append(options, nats.RootCAs(l.ca))
	}
	if l.cert != "" {
		options = append(options, nats.ClientCert(l.cert, l.key))
	}
	var err error
	if l.conn, err = nats.Connect(l.url, options...); err != nil {
		return fmt.Errorf("%s: %w; want a NATS server that answers", l.address(), err)
	}
	l.js, err = jetstream.New(l.conn)
	return err
}

// pause lies between two tries.
const pause = 250 * time.Millisecond

// until does something on the server, again and again while the server is away. What a
// server has been asked that goes away is never answered: so the first try is short,
// and each further one twice as long.
func (l *line) until(ctx context.Context, do func(context.Context) error) error {
	began := time.Now()
	for limit := 2 * time.Second; ; limit = min(2*limit, time.Minute) {
		one, cancel := context.WithTimeout(ctx, limit)
		err := do(one)
		cancel()
		switch {
		case err == nil:
			return nil
		case final(err):
			return fmt.Errorf("%s: %w", l.address(), err)
		case time.Since(began) > l.wait:
			return fmt.Errorf("%s: no answer in %v, or no room for what it is to keep: %w", l.address(), l.wait, err)
		}
		if !sleep(ctx, pause) {
			return context.Cause(ctx)
		}
	}
}

// final says whether an error stays if one tries again.
func final(err error) bool {
	for _, e := range []error{
		jetstream.ErrStreamNotFound, jetstream.ErrBucketNotFound, jetstream.ErrConsumerNotFound, jetstream.ErrObjectNotFound,
		jetstream.ErrJetStreamNotEnabled, jetstream.ErrJetStreamNotEnabledForAccount, nats.ErrConnectionClosed, nats.ErrPermissionViolation,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	// The server has refused what is asked for: a full store, a limit.
	api := (*jetstream.APIError)(nil)
	return errors.As(err, &api) && api.Code >= 400 && api.Code < 500
}

// sleep says whether the context is still there afterwards.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
