package pki

import (
	"crypto/rsa"
	"io"
	"sync"
)

// pooledKeys is how many keys are made ahead. Making one takes 50 to 300 ms of
// one core.
const pooledKeys = 8

// keyPool makes RSA keys ahead of their use, in the background, once the first
// was asked for. A key leaves it once. Keys are in memory only.
type keyPool struct {
	random io.Reader
	ready  chan *rsa.PrivateKey
	stop   chan struct{}
	done   sync.WaitGroup

	mu              sync.Mutex // guards the two below
	started, closed bool
}

func newKeyPool(random io.Reader) *keyPool {
	return &keyPool{random: random, ready: make(chan *rsa.PrivateKey, pooledKeys), stop: make(chan struct{})}
}

// take returns a key that nobody else gets: one made ahead, or else a new one.
func (p *keyPool) take() (*rsa.PrivateKey, error) {
	p.start()
	select {
	case key := <-p.ready:
		return key, nil
	default:
		return p.newKey()
	}
}

func (p *keyPool) newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(p.random, deviceRSABits) }

func (p *keyPool) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started || p.closed {
		return
	}
	p.started = true
	p.done.Go(p.fill)
}

// fill makes keys until the pool is closed, waiting while there are enough. A
// failure ends it: take then makes keys itself and reports the error.
func (p *keyPool) fill() {
	for {
		select {
		case <-p.stop:
			return
		default:
		}
		key, err := p.newKey()
		if err != nil {
			return
		}
		select {
		case p.ready <- key:
		case <-p.stop:
			return
		}
	}
}

// close waits for the background work to end, at most as long as it takes to
// make one key, and drops the keys left.
func (p *keyPool) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.stop)
	}
	p.mu.Unlock()
	p.done.Wait()
	for {
		select {
		case <-p.ready:
		default:
			return
		}
	}
}
