// Package deploy checks the manifests in the repository's folder deploy.
package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// read reads a manifest, each of its objects as the type of Kubernetes' API that its
// kind names. A field that the type does not have, or a value of another type, fails.
func read(t *testing.T, file string) (jobs map[string]*batch.Job, secret *core.Secret, service *core.Service) {
	t.Helper()
	content, err := os.ReadFile("../../deploy/" + file)
	if err != nil {
		t.Fatal(err)
	}
	jobs = map[string]*batch.Job{}
	for i, document := range bytes.Split(content, []byte("\n---\n")) {
		var kind struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		var object any
		switch kind.Kind {
		case "Job":
			job := &batch.Job{}
			object = job
			defer func() { jobs[job.Name] = job }()
		case "Secret":
			secret = &core.Secret{}
			object = secret
		case "Service":
			service = &core.Service{}
			object = service
		default:
			t.Fatalf("%s: object %d is a %q, which this test does not know", file, i, kind.Kind)
		}
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			t.Errorf("%s: object %d: %v", file, i, err)
		}
	}
	return jobs, secret, service
}

// Goal: each pod of the Indexed Job does another shard, and together all.
// Method: a shell runs what a pod runs, with a simrun that prints its arguments.
func TestShards(t *testing.T) {
	jobs, _, _ := read(t, "shards.yaml")
	spec := jobs["simrun-shards"].Spec
	if *spec.CompletionMode != batch.IndexedCompletion {
		t.Fatalf("completionMode %s, want Indexed", *spec.CompletionMode)
	}
	n := int(*spec.Completions)
	container := spec.Template.Spec.Containers[0]
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/simrun", []byte("#!/bin/sh\necho \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c := exec.Command(container.Command[0], slices.Concat(container.Command[1:], container.Args)...)
		c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "JOB_COMPLETION_INDEX="+strconv.Itoa(i))
		got, err := c.Output()
		want := "check --slow --shard " + strconv.Itoa(i+1) + "/" + strconv.Itoa(n) + " --out /shards\n"
		if err != nil || string(got) != want {
			t.Fatalf("pod %d: simrun %s(%v), want simrun %s", i, got, err, want)
		}
	}
	if mount := container.VolumeMounts[0]; mount.MountPath != "/shards" || mount.Name != spec.Template.Spec.Volumes[0].Name {
		t.Errorf("/shards is no volume")
	}
}

// Goal: server and workers of the manifest find each other.
func TestFleet(t *testing.T) {
	jobs, secret, service := read(t, "fleet.yaml")
	server, workers := jobs["simrun-server"].Spec.Template, jobs["simrun-workers"].Spec.Template
	for name, value := range service.Spec.Selector {
		if server.Labels[name] != value {
			t.Errorf("the service selects %s=%s, which the server has not", name, value)
		}
	}
	host := service.Name + ":" + strconv.Itoa(int(service.Spec.Ports[0].Port))
	if url := secret.StringData["url"]; !strings.HasSuffix(url, "@"+host) {
		t.Errorf("workers go to %s, and the service is %s", url, host)
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(secret.StringData["url"], "nats://"), "@")
	if config := secret.StringData["nats.conf"]; !strings.Contains(config, `token: "`+token+`"`) {
		t.Errorf("the workers' token is not the server's: %s", config)
	}
	for _, pod := range []core.PodTemplateSpec{server, workers} {
		for _, m := range pod.Spec.Containers[0].VolumeMounts {
			if !slices.ContainsFunc(pod.Spec.Volumes, func(v core.Volume) bool { return v.Name == m.Name }) {
				t.Errorf("%s is mounted, and no volume", m.Name)
			}
		}
	}
	if from := workers.Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef; from.Name != secret.Name || secret.StringData[from.Key] == "" {
		t.Errorf("the workers' address is to come from %s of %s, which is not there", from.Key, from.Name)
	}
}
