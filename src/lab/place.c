// SPDX-License-Identifier: GPL-2.0-only
#include "lab/place.h"

#include <string.h>

#include "lab/embed.h"
#include "lab/files.h"
#include "lab/kvm_probe.h"
#include "util/cleanup.h"

void place_names_deinit(struct place_names *names)
{
	free(names->domain);
	free(names->kernel);
	free(names->initrd);
	free(names->disk);
	free(names->emulator);
	*names = (struct place_names){};
}

const struct place *place_of(const struct lab_paths *paths)
{
	return paths->connect ? &place_remote : &place_here;
}

static struct error *connect_here(const struct lab_paths *paths, virConnectPtr *ret)
{
	(void)paths;
	try(embed_open(ret));
	virConnectRef(*ret);
	return NULL;
}

static struct error *probe_here(const struct lab_paths *paths, const char *type, enum vendor vendor)
{
	if (!paths->qemu)
		return error_new(ERROR_UNSUPPORTED, "QEMU is missing (scripts/fetch-qemu.sh)");
	return strcmp(type, "kvm") ? NULL : kvm_probe(&kvm_host, vendor);
}

static struct error *name_here(const struct machine_setup *setup, struct place_names *ret)
{
	*ret = (struct place_names){
		.domain = format_string("%s", setup->id),
		.kernel = format_string("%s/vmlinuz", setup->images),
		.initrd = format_string("%s/appliance.cpio", setup->images),
		.disk = format_string("%s/case.disk", setup->directory),
		.emulator = setup->paths->qemu ? format_string("%s", setup->paths->qemu) : NULL,
	};
	return NULL;
}

const struct place place_here = {.serial = "file",
				 .connect = connect_here,
				 .probe = probe_here,
				 .name = name_here,
				 .pid = embed_pid};
