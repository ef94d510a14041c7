package main

import (
	"fmt"
	"time"

	"inro.dev/inro/internal/server"
)

type keysCommand struct {
	List   keysListCommand   `cmd:"" help:"List the master keys; the last one seals."`
	Rotate keysRotateCommand `cmd:"" help:"Add a master key, which a running server seals with within a minute. The others go on opening."`
	Create keysCreateCommand `cmd:"" help:"Make the first master key of a data folder whose keys are lost, and with them its encrypted objects."`
}

type keysListCommand struct{ overrides }

// Run prints IDs and times, no secrets.
func (c *keysListCommand) Run(s *streams) error {
	cfg, err := c.resolve()
	if err != nil {
		return err
	}
	keys, err := server.MasterKeys(cfg)
	if err != nil {
		return err
	}
	for i, k := range keys {
		created, state := "-", "opens"
		if !k.Created.IsZero() {
			created = k.Created.Format(time.RFC3339)
		}
		if i == len(keys)-1 {
			state = "seals"
		}
		fmt.Fprintf(s.out, "%s  %s  %s\n", k.ID, created, state)
	}
	return nil
}

type keysRotateCommand struct{ overrides }

// Run adds a key to the file.
func (c *keysRotateCommand) Run(s *streams) error {
	cfg, err := c.resolve()
	if err != nil {
		return err
	}
	id, err := server.RotateMasterKey(cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s seals from now on; back up the file of master keys\n", id)
	return nil
}

type keysCreateCommand struct{ overrides }

// Run makes the file.
func (c *keysCreateCommand) Run(s *streams) error {
	cfg, err := c.resolve()
	if err != nil {
		return err
	}
	id, err := server.CreateMasterKey(cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s seals from now on; back up the file of master keys\n", id)
	return nil
}
