// Command controlplane is etcd, kube-apiserver, kube-controller-manager and kube-scheduler in one binary.
//
// It runs the component that it is called as (argv[0], through a symbolic link), or the one its first argument names.
// One binary instead of four, because the packages they share are then linked, and stored, once.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// The commands are built lazily: each one registers itself in process-wide registries when it is made.
var components = map[string]func(args []string) int{
	"etcd":                    func(args []string) int { etcdmain.Main(args); return 0 },
	"kube-apiserver":          kubernetes(apiserver.NewAPIServerCommand),
	"kube-controller-manager": kubernetes(controllermanager.NewControllerManagerCommand),
	"kube-scheduler":          kubernetes(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
}

func kubernetes(newCommand func() *cobra.Command) func(args []string) int {
	return func(args []string) int {
		command := newCommand()
		command.SetArgs(args[1:])
		return cli.Run(command)
	}
}

func main() {
	args := append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
	if _, called := components[args[0]]; !called && len(args) > 1 {
		args = args[1:]
	}
	run, known := components[args[0]]
	if !known {
		fmt.Fprintln(os.Stderr, "usage: controlplane etcd|kube-apiserver|kube-controller-manager|kube-scheduler [flags]")
		os.Exit(2)
	}
	os.Args = args
	os.Exit(run(args))
}
