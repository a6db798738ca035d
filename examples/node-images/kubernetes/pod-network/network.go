package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Where the container runtime looks for its network's configuration. A number at the front, as is the custom, because the
// first file of the folder is the one that counts.
const configurationFile = "/etc/cni/net.d/10-pod-network.conflist"

// podNetwork brings the node's network to what the cluster's nodes ask for. It remembers nothing: what is there already is
// in the kernel, and so it does not matter when this program was started.
type podNetwork struct {
	ownName string
	subnet  string
}

func (p podNetwork) apply(nodes map[string]node) error {
	wanted := map[string]string{}
	for name, other := range nodes {
		pods, address := other.Spec.PodCIDR, other.address()
		switch {
		case pods == "" || address == "":
			// It has not got them yet, and comes again when it has.
		case name == p.ownName:
			if err := p.applyOwn(pods, address); err != nil {
				return err
			}
		default:
			wanted[pods] = address
		}
	}
	return p.applyRoutes(wanted)
}

// applyRoutes makes the routes within the network of pods that lead over other nodes be the ones that are wanted.
func (p podNetwork) applyRoutes(wanted map[string]string) error {
	shown, err := run("ip", "-o", "route", "show", "root", p.subnet)
	if err != nil {
		return err
	}
	present := map[string]string{}
	for _, line := range strings.Split(shown, "\n") {
		// Those to the node's own pods lead over no other node.
		if words := strings.Fields(line); len(words) >= 3 && words[1] == "via" {
			present[words[0]] = words[2]
		}
	}
	for pods := range present {
		if _, stays := wanted[pods]; !stays {
			if _, err := run("ip", "route", "del", pods); err != nil {
				return err
			}
			log.Printf("no node has %s any more", pods)
		}
	}
	for pods, address := range wanted {
		if present[pods] != address {
			if _, err := run("ip", "route", "replace", pods, "via", address); err != nil {
				return err
			}
			log.Printf("%s is reached over %s", pods, address)
		}
	}
	return nil
}

// applyOwn is for this node's own pods.
func (p podNetwork) applyOwn(pods, address string) error {
	if err := p.masquerade(pods); err != nil {
		return err
	}
	configuration, err := configurationOf(pods, mtuAt(address))
	if err != nil {
		return err
	}
	if present, err := os.ReadFile(configurationFile); err == nil && string(present) == configuration {
		return nil
	}
	// The runtime reads no file with another ending, and so none that is half written.
	draft := filepath.Join(filepath.Dir(configurationFile), ".pod-network.draft")
	if err := os.WriteFile(draft, []byte(configuration), 0o644); err != nil {
		return err
	}
	if err := os.Rename(draft, configurationFile); err != nil {
		return err
	}
	log.Printf("pods of this node are in %s", pods)
	return nil
}

func (p podNetwork) masquerade(pods string) error {
	rule := []string{
		"POSTROUTING", "-s", pods, "!", "-d", p.subnet,
		"-m", "comment", "--comment", "pods to the world outside", "-j", "MASQUERADE",
	}
	if _, err := run("iptables", append([]string{"-w", "-t", "nat", "-C"}, rule...)...); err == nil {
		return nil
	}
	_, err := run("iptables", append([]string{"-w", "-t", "nat", "-A"}, rule...)...)
	return err
}

func configurationOf(pods string, mtu int) (string, error) {
	type object = map[string]any
	configuration, err := json.MarshalIndent(object{
		"cniVersion": "0.3.1",
		"name":       "pod-network",
		"plugins": []object{
			{
				"type": "ptp",
				"mtu":  mtu,
				"ipam": object{
					"type":   "host-local",
					"ranges": [][]object{{{"subnet": pods}}},
					"routes": []object{{"dst": "0.0.0.0/0"}},
					// Gone when the node starts anew, and so are its pods.
					"dataDir": "/run/pod-network",
				},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
	return string(configuration) + "\n", err
}

// mtuAt is that of the interface which has the address; packets of pods leave the node through it.
func mtuAt(address string) int {
	const usual = 1500
	interfaces, err := net.Interfaces()
	if err != nil {
		return usual
	}
	for _, each := range interfaces {
		addresses, err := each.Addrs()
		if err != nil {
			continue
		}
		for _, own := range addresses {
			if network, ok := own.(*net.IPNet); ok && network.IP.String() == address {
				return each.MTU
			}
		}
	}
	return usual
}

func run(name string, arguments ...string) (string, error) {
	output, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, strings.TrimSpace(string(output)))
	}
	return string(output), nil
}
