package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"inro.dev/inro/internal/sigv4"
	"inro.dev/inro/test/rig"
)

type inroProcess struct {
	env         map[string]string
	credentials string
	ca          string
}

type bareProcess struct{ bareAddresses }

// start runs both servers.
func (b *bench) start(ctx context.Context) error {
	if err := b.startInro(ctx); err != nil {
		return fmt.Errorf("start inro: %w", err)
	}
	if err := b.startBare(ctx); err != nil {
		return fmt.Errorf("start bare server: %w", err)
	}
	return nil
}

func (b *bench) startInro(ctx context.Context) error {
	config := filepath.Join(b.dir, "bench.toml")
	if err := os.WriteFile(config, []byte("[credentials_endpoint]\nrate_per_certificate = -1\n"), 0o600); err != nil {
		return err
	}
	_, err := b.spawn(ctx, "Point a shell", b.binary, "serve", "--config", config, "--data", b.data(), "--log-level", "error",
		"--api", "127.0.0.1:0", "--credentials", "127.0.0.1:0", "--console", "127.0.0.1:0")
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, b.binary, "env", "--data", b.data(), "--json").Output()
	if err != nil {
		return err
	}
	b.inro = &inroProcess{}
	if err := json.Unmarshal(out, &b.inro.env); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(b.data(), "addresses.json"))
	if err != nil {
		return err
	}
	var a struct{ Credentials string }
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	b.inro.credentials, b.inro.ca = a.Credentials, b.inro.env["CURL_CA_BUNDLE"]
	return nil
}

func (b *bench) startBare(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "bare")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	line, err := b.spawn(ctx, "{", self, "bare", dir)
	if err != nil {
		return err
	}
	b.bare = &bareProcess{}
	return json.Unmarshal([]byte(line), &b.bare.bareAddresses)
}

// spawn starts a server and waits for a line of its output.
func (b *bench) spawn(ctx context.Context, until, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	b.stops = append(b.stops, cmd)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), until) {
			return lines.Text(), nil
		}
	}
	return "", errors.Join(fmt.Errorf("%s ended without listening", name), lines.Err())
}

func (b *bench) stopAll() {
	for _, cmd := range b.stops {
		cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
		cmd.Wait()
	}
}

func (b *bench) s3(inro bool) *rig.S3 {
	client := rig.NewS3("http://"+b.bare.HTTP, sigv4.Credentials{AccessKeyID: bareKeyID, SecretAccessKey: bareSecret}, "us-east-1", connections)
	if inro {
		client = rig.NewS3(b.inro.env["AWS_ENDPOINT_URL"], sigv4.Credentials{
			AccessKeyID: b.inro.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: b.inro.env["AWS_SECRET_ACCESS_KEY"],
		}, b.inro.env["AWS_DEFAULT_REGION"], connections)
	}
	return client
}
