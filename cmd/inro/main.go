// Command inro gives every device in a fleet its own compartment of object
// storage, opened with its X.509 certificate and nothing else.
//
// It parses flags, calls package server and turns errors into exit codes;
// nothing else happens here.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"inro.dev/inro/internal/server"
)

// version is set by the Makefile.
var version = ""

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments.
func run(args []string, stdout, stderr io.Writer) int {
	var cli commands
	exit := -1
	parser := kong.Must(&cli,
		kong.Name("inro"),
		kong.Description("Object storage compartments for devices, opened by certificate, over the AWS APIs."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.UsageOnError(),
	)
	ctx, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		fmt.Fprintln(stderr, "inro:", err)
		return 2
	}
	if err := ctx.Run(&streams{stdout, stderr}); err != nil {
		fmt.Fprintln(stderr, "inro:", err)
		return 1
	}
	return 0
}

type streams struct{ out, err io.Writer }

// commands is the whole command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Run the server."`
	Check   checkCommand   `cmd:"" help:"Check a configuration file without starting."`
	Env     envCommand     `cmd:"" help:"Print the lines that point a shell's AWS CLI, SDKs and curl at the server."`
	Account accountCommand `cmd:"" help:"Make, list and rename the accounts of a running server."`
	Bucket  bucketCommand  `cmd:"" help:"Print what a bucket of a running server holds, and limit it."`
	Keys    keysCommand    `cmd:"" help:"List, rotate and make the master keys of encrypted objects."`
	Version versionCommand `cmd:"" help:"Print the version."`

	VersionFlag versionFlag `name:"version" help:"Print the version and exit."`
}

// overrides are the settings that flags and environment share with the top
// level of the configuration file; the names agree: --log-level,
// INRO_LOG_LEVEL, log_level.
type overrides struct {
	Config                  string `help:"Configuration file (TOML)." type:"existingfile" env:"INRO_CONFIG" placeholder:"FILE"`
	Data                    string `help:"Data folder; default inro-data." env:"INRO_DATA" placeholder:"DIR"`
	API                     string `name:"api" help:"Listen address for S3, IAM, STS and IoT; default 127.0.0.1:9000." env:"INRO_API" placeholder:"ADDR"`
	Credentials             string `help:"Listen address of the credentials endpoint; default 127.0.0.1:8443." env:"INRO_CREDENTIALS" placeholder:"ADDR"`
	Console                 string `help:"Listen address for health and metrics; default 127.0.0.1:9001." env:"INRO_CONSOLE" placeholder:"ADDR"`
	Account                 string `help:"Account number; default 999999999999." env:"INRO_ACCOUNT" placeholder:"ID"`
	Region                  string `help:"Region; default ap-northeast-1." env:"INRO_REGION" placeholder:"NAME"`
	RootAccessKeyID         string `help:"Root access key id; default: made at the first start." env:"INRO_ROOT_ACCESS_KEY_ID" placeholder:"ID"`
	RootSecretAccessKeyFile string `help:"File with the root secret access key. INRO_ROOT_SECRET_ACCESS_KEY gives the secret itself." env:"INRO_ROOT_SECRET_ACCESS_KEY_FILE" placeholder:"FILE"`
	LogLevel                string `help:"debug, info, warn or error; default info." env:"INRO_LOG_LEVEL" placeholder:"LEVEL"`
	LogFormat               string `help:"text or json; default text." env:"INRO_LOG_FORMAT" placeholder:"FORMAT"`
}

// resolve reads the file, lays environment and flags over it and fills in
// defaults.
func (o *overrides) resolve() (server.Config, error) {
	var cfg server.Config
	if o.Config != "" {
		var err error
		if cfg, err = server.ReadConfig(o.Config); err != nil {
			return cfg, err
		}
	}
	for _, f := range []struct {
		into *string
		from string
	}{
		{&cfg.Data, o.Data}, {&cfg.API, o.API}, {&cfg.Credentials, o.Credentials}, {&cfg.Console, o.Console},
		{&cfg.Account, o.Account}, {&cfg.Region, o.Region},
		{&cfg.RootAccessKeyID, o.RootAccessKeyID}, {&cfg.RootSecretAccessKeyFile, o.RootSecretAccessKeyFile},
		{&cfg.LogLevel, o.LogLevel}, {&cfg.LogFormat, o.LogFormat},
	} {
		if f.from != "" {
			*f.into = f.from
		}
	}
	cfg.RootSecretAccessKey = os.Getenv("INRO_ROOT_SECRET_ACCESS_KEY")
	cfg.Encryption.MasterKeys = os.Getenv("INRO_MASTER_KEY")
	return cfg.WithDefaults()
}

type serveCommand struct {
	overrides
}

// Run serves until SIGTERM or SIGINT.
func (c *serveCommand) Run(s *streams) error {
	cfg, err := c.resolve()
	if err != nil {
		return err
	}
	server.TuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	srv, err := server.New(ctx, cfg, s.err)
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, srv.Banner())
	return srv.Run(ctx)
}

type checkCommand struct {
	Config string `help:"Configuration file (TOML)." required:"" type:"existingfile" env:"INRO_CONFIG" placeholder:"FILE"`
}

// Run says whether the file is right.
func (c *checkCommand) Run(s *streams) error {
	o := overrides{Config: c.Config}
	if _, err := o.resolve(); err != nil {
		return err
	}
	fmt.Fprintln(s.out, c.Config+": ok")
	return nil
}

type envCommand struct {
	overrides
	Shell string `help:"bash, zsh, fish or powershell." enum:"bash,zsh,fish,powershell" default:"bash"`
	JSON  bool   `name:"json" help:"Print a JSON object instead."`
}

// Run prints the environment.
func (c *envCommand) Run(s *streams) error {
	cfg, err := c.resolve()
	if err != nil {
		return err
	}
	env, err := server.Env(cfg)
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(env)
	}
	return server.WriteEnv(s.out, env, c.Shell)
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(s *streams) error { return printVersion(s.out) }

// versionFlag is --version, for those who try that first.
type versionFlag bool

// BeforeReset prints the version and ends, whatever else is given.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	err := printVersion(app.Stdout)
	app.Exit(0)
	return err
}

// printVersion prints the version, or the revision that it was built from.
func printVersion(w io.Writer) error {
	v := version
	if build, ok := debug.ReadBuildInfo(); ok && v == "" {
		v = build.Main.Version
	}
	_, err := fmt.Fprintln(w, "inro", v)
	return err
}
