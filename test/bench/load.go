package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const connections = 16

// operation is one request of worker w; n counts its requests.
type operation func(ctx context.Context, w, n int) error

// drive runs op on all workers for d and returns what they achieved.
func drive(ctx context.Context, d time.Duration, workers int, op operation) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	latencies := make([][]time.Duration, workers)
	errs := make([]error, workers)
	var group sync.WaitGroup
	start := time.Now()
	for w := range workers {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				began := time.Now()
				if err := op(context.Background(), w, n); err != nil {
					errs[w] = err
					cancel()
					return
				}
				latencies[w] = append(latencies[w], time.Since(began))
			}
		})
	}
	group.Wait()
	took := time.Since(start)
	for _, err := range errs {
		if err != nil {
			return result{}, err
		}
	}
	all := slices.Concat(latencies...)
	if len(all) == 0 {
		return result{}, fmt.Errorf("no operation ended within %v", d)
	}
	slices.Sort(all)
	return result{float64(len(all)) / took.Seconds(), all[len(all)/2], all[len(all)*99/100]}, nil
}

// rounds is how often each of two servers is driven.
const rounds = 3

// compare alternates between two servers and keeps the best round of each.
func compare(ctx context.Context, d time.Duration, workers int, inro, bare operation) (a, b result, err error) {
	for range rounds {
		ra, err := drive(ctx, d, workers, inro)
		if err != nil {
			return a, b, fmt.Errorf("inro: %w", err)
		}
		rb, err := drive(ctx, d, workers, bare)
		if err != nil {
			return a, b, fmt.Errorf("bare: %w", err)
		}
		if ra.perSecond > a.perSecond {
			a = ra
		}
		if rb.perSecond > b.perSecond {
			b = rb
		}
	}
	return a, b, nil
}
