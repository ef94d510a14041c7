package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// addressesFile tells `inro env` where the server of a data folder listens. It
// is written at every start.
const addressesFile = "addresses.json"

// Addresses is where a server can be reached from its own machine.
type Addresses struct {
	// APIURL is the endpoint URL for S3, IAM, STS and IoT.
	APIURL string `json:"apiUrl"`
	// Credentials is the address that DescribeEndpoint answers.
	Credentials string `json:"credentials"`
	ConsoleURL  string `json:"consoleUrl"`
	Region      string `json:"region"`
	// CABundle is a PEM file with Inro's CA and the system's.
	CABundle string `json:"caBundle"`
	// APITLS says whether APIURL needs CABundle.
	APITLS bool `json:"apiTls"`
}

// Env returns the environment variables that point the AWS CLI, the SDKs and
// curl at the server of the data folder.
func Env(cfg Config) (map[string]string, error) {
	a, err := readAddresses(cfg.Data)
	if err != nil {
		return nil, err
	}
	key, err := keptRootKey(&cfg)
	if err != nil {
		return nil, err
	}
	env := map[string]string{
		"AWS_ENDPOINT_URL":      a.APIURL,
		"AWS_ACCESS_KEY_ID":     key.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": key.SecretAccessKey,
		"AWS_DEFAULT_REGION":    a.Region,
		"AWS_REGION":            a.Region,
		"CURL_CA_BUNDLE":        a.CABundle,
	}
	if a.APITLS {
		env["AWS_CA_BUNDLE"] = a.CABundle
	}
	return env, nil
}

// readAddresses reads where the last server of a data folder listened.
func readAddresses(data string) (Addresses, error) {
	var a Addresses
	path := filepath.Join(data, addressesFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, fmt.Errorf("no server has been started with the data folder %s; run: inro serve --data %s", data, data)
	}
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// keptRootKey returns the root key of a data folder that a server has made.
func keptRootKey(cfg *Config) (RootKey, error) {
	if cfg.RootAccessKeyID == "" {
		if _, err := os.Stat(filepath.Join(cfg.Data, rootFile)); errors.Is(err, fs.ErrNotExist) {
			return RootKey{}, errors.New("the server's root key came from its configuration; give the same configuration here, or INRO_ROOT_ACCESS_KEY_ID and INRO_ROOT_SECRET_ACCESS_KEY")
		}
	}
	return loadRootKey(cfg)
}

// cleared are variables that would shadow those of Env in a shell that used
// other credentials before.
var cleared = []string{"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE"}

// WriteEnv writes env as commands for a shell: bash, zsh, fish or powershell.
func WriteEnv(w io.Writer, env map[string]string, shell string) error {
	var set func(name, value string) string
	var unset func(name string) string
	switch shell {
	case "bash", "zsh":
		set = func(n, v string) string { return "export " + n + "='" + strings.ReplaceAll(v, "'", `'\''`) + "'" }
		unset = func(n string) string { return "unset " + n }
	case "fish":
		set = func(n, v string) string {
			return "set -gx " + n + " '" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(v) + "'"
		}
		unset = func(n string) string { return "set -e " + n }
	case "powershell":
		set = func(n, v string) string { return "$env:" + n + " = '" + strings.ReplaceAll(v, "'", "''") + "'" }
		unset = func(n string) string { return "Remove-Item Env:" + n + " -ErrorAction SilentlyContinue" }
	default:
		return fmt.Errorf("the shell %q is not bash, zsh, fish or powershell", shell)
	}
	var lines []string
	for name, value := range env {
		lines = append(lines, set(name, value))
	}
	slices.Sort(lines)
	for _, name := range cleared {
		lines = append(lines, unset(name))
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// writeAddresses keeps a for `inro env`.
func writeAddresses(dir string, a Addresses) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, addressesFile), append(text, '\n'))
}

// systemBundles are the places of the system's CA certificates.
var systemBundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// writeBundle keeps a PEM file of Inro's CA followed by the system's, so that
// a shell that uses it still reaches the rest of the world.
func writeBundle(dir string, ca []byte) (string, error) {
	bundle := slices.Clone(ca)
	for _, path := range systemBundles {
		if text, err := os.ReadFile(path); err == nil {
			bundle = append(append(bundle, '\n'), text...)
			break
		}
	}
	path, err := filepath.Abs(filepath.Join(dir, "ca-bundle.pem"))
	if err != nil {
		return "", err
	}
	return path, replaceFile(path, bundle)
}

// replaceFile writes a file that everybody may read, whole or not at all.
func replaceFile(path string, data []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// localURL is how this machine reaches a listener that may be bound to all
// addresses.
func localURL(address string, tls bool) string {
	scheme := "http://"
	if tls {
		scheme = "https://"
	}
	return scheme + localAddress(address)
}

func localAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
