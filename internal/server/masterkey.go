package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"inro.dev/inro/internal/kms"
	"inro.dev/inro/internal/metastore"
)

// masterKeyFile keeps the master keys in the data folder.
const masterKeyFile = "master-keys.json"

// masterKeyInspect is how often the file is read again, so that a key that was
// added to it seals soon.
const masterKeyInspect = time.Minute

// namedKeys returns the named keys of the configuration.
func (cfg *Config) namedKeys() (*kms.Keys, error) {
	keys := make([]kms.Key, len(cfg.Encryption.Keys))
	for i, k := range cfg.Encryption.Keys {
		fill(&k.Account, cfg.Account)
		for _, account := range slices.Concat(k.Accounts, []string{k.Account}) {
			if account != "*" && !accountPattern.MatchString(account) || k.Account == "*" {
				return nil, fmt.Errorf("account %q of key %s is not twelve digits", account, k.ID)
			}
		}
		keys[i] = kms.Key{ID: k.ID, Account: k.Account, Region: cfg.Region, Aliases: k.Aliases, Accounts: k.Accounts, Disabled: k.Disabled}
	}
	return kms.NewKeys(keys)
}

// masterKeyPath is where the master keys are.
func (cfg *Config) masterKeyPath() string {
	if cfg.Encryption.MasterKeyFile != "" {
		return cfg.Encryption.MasterKeyFile
	}
	return filepath.Join(cfg.Data, masterKeyFile)
}

// openMasterKeys opens the master keys, or makes the first one where nothing was
// sealed yet. It says which keys are missing.
func (s *Server) openMasterKeys(ctx context.Context) error {
	used, err := metastore.MasterKeys.List(ctx, s.store.Hot(), metastore.GlobalAccount, metastore.Query{})
	if err != nil {
		return fmt.Errorf("list master keys: %w", err)
	}
	config := kms.Config{Used: s.noteMasterKey}
	if s.masterKeys, err = loadMasterKeys(&s.cfg, config); errors.Is(err, fs.ErrNotExist) {
		if len(used) > 0 {
			return fmt.Errorf("objects are encrypted with master keys that are missing (%s): put %s back; "+
				"if they are lost, and with them those objects, run: inro keys create", idsOf(used), s.cfg.masterKeyPath())
		}
		s.masterKeys, err = kms.Create(s.cfg.masterKeyPath(), config)
	}
	if err != nil {
		return fmt.Errorf("open master keys: %w", err)
	}
	generations := s.masterKeys.Generations()
	for _, item := range used {
		if !slices.ContainsFunc(generations, func(g kms.Generation) bool { return g.ID == item.ID }) {
			s.logger.Error("a master key is missing: the objects that it sealed cannot be read until it is put back", "key", item.ID)
		}
	}
	from := s.masterKeys.Path()
	if from == "" {
		from = "INRO_MASTER_KEY"
	}
	s.logger.Info("master keys of encrypted objects; whoever loses them loses those objects, so keep a copy away from the data folder",
		"from", from, "keys", len(generations), "sealing", generations[len(generations)-1].ID)
	return nil
}

func idsOf(items []metastore.Item[metastore.MasterKey]) string {
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	return strings.Join(ids, ", ")
}

func loadMasterKeys(cfg *Config, config kms.Config) (*kms.Keyring, error) {
	if cfg.Encryption.MasterKeys != "" {
		return kms.Parse(cfg.Encryption.MasterKeys, config)
	}
	return kms.Load(cfg.masterKeyPath(), config)
}

// noteMasterKey writes down that a key is about to seal for the first time.
func (s *Server) noteMasterKey(id string) error {
	return s.store.Update(context.Background(), func(w metastore.Writer) error {
		_, err := metastore.MasterKeys.Get(context.Background(), w, metastore.GlobalAccount, id)
		if !errors.Is(err, metastore.ErrNotFound) {
			return err
		}
		return metastore.MasterKeys.Insert(context.Background(), w, metastore.GlobalAccount, id, &metastore.MasterKey{FirstUsed: time.Now().UTC()})
	})
}

// reloadMasterKeys reads the file again now and then, until ctx ends.
func reloadMasterKeys(ctx context.Context, keyring *kms.Keyring, logger *slog.Logger) {
	ticker := time.NewTicker(masterKeyInspect)
	defer ticker.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		told = reloadAndTell(keyring, told, logger)
	}
}

// reloadAndTell reloads the file and logs what changed since told.
func reloadAndTell(keyring *kms.Keyring, told string, logger *slog.Logger) string {
	before := keyring.Generations()
	now := ""
	if err := keyring.Reload(); err != nil {
		now = err.Error()
	}
	if now != "" && now != told {
		logger.Error("master keys were not read again; those in memory stay in use", "error", now)
	}
	after := keyring.Generations()
	if id := after[len(after)-1].ID; id != before[len(before)-1].ID {
		logger.Info("another master key seals from now on", "key", id)
	}
	return now
}

// RotateMasterKey adds a master key to the file, also while a server runs, which
// seals with it within a minute. It returns the ID of the new key.
func RotateMasterKey(cfg Config) (string, error) {
	keyring, err := loadMasterKeys(&cfg, kms.Config{})
	if err == nil {
		err = keyring.Rotate()
	}
	if err != nil {
		return "", err
	}
	generations := keyring.Generations()
	return generations[len(generations)-1].ID, nil
}

// CreateMasterKey makes a file with a first master key, for a data folder whose
// keys are lost. It fails with fs.ErrExist when there is a file.
func CreateMasterKey(cfg Config) (string, error) {
	if cfg.Encryption.MasterKeys != "" {
		return "", errors.New("the master keys come from INRO_MASTER_KEY")
	}
	keyring, err := kms.Create(cfg.masterKeyPath(), kms.Config{})
	if err != nil {
		return "", err
	}
	return keyring.Generations()[0].ID, nil
}

// MasterKeys returns the master keys, the oldest first. The last one seals.
func MasterKeys(cfg Config) ([]kms.Generation, error) {
	keyring, err := loadMasterKeys(&cfg, kms.Config{})
	if err != nil {
		return nil, err
	}
	return keyring.Generations(), nil
}
