/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_PLACE_H
#define CRASHLAB_LAB_PLACE_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "lab/backend.h"

/** What a domain and its files are called where its QEMU runs. */
struct place_names {
	char *domain, *kernel, *initrd, *disk;
	char *emulator; /* NULL: the libvirt there knows its own */
};

void place_names_deinit(struct place_names *names);

#define _cleanup_names_ _cleanup_(place_names_deinit)

/**
 * Where QEMU runs, and so how files come to it and back, and how its serial ports are read: here,
 * with libvirt in this process, or at the host of a libvirt that is connected to. What is NULL is
 * not needed there.
 */
struct place {
	const char *serial; /* the type of the domain's serial ports */
	bool streams; /* they are read through libvirt; otherwise QEMU writes the files itself */
	unsigned start_flags; /* of virDomainCreateXML() */
	/** A reference to the connection, for virConnectClose(). */
	struct error *(*connect)(const struct lab_paths *paths, virConnectPtr *ret);
	/** As backend.ready. */
	struct error *(*ready)(const struct lab_paths *paths);
	/** Can a domain of @type ("qemu", "kvm") give @vendor? An ERROR_UNSUPPORTED says why not.
	 */
	struct error *(*probe)(const struct lab_paths *paths, const char *type, enum vendor vendor);
	struct error *(*name)(const struct machine_setup *setup, struct place_names *ret);
	/** The process of the domain called @name, which has been started: it is one of this host.
	 */
	struct error *(*pid)(const char *name, pid_t *ret);
	/** Bring the images and the case disk of @setup there. */
	struct error *(*put)(virConnectPtr connection, const struct machine_setup *setup,
			     const struct place_names *names);
	/** Bring the case disk of a domain that has ended back to the file at @path. */
	struct error *(*get)(virConnectPtr connection, const struct lab_paths *paths,
			     const struct place_names *names, const char *path);
	/** Remove what put() brought there for this case alone. */
	void (*remove)(virConnectPtr connection, const struct lab_paths *paths,
		       const struct place_names *names);
	/** Let @fd, an eventfd, be written to when the connection is lost; and no more. */
	void (*watch)(int fd);
	void (*unwatch)(int fd);
};

/** In this process; at the host of paths.connect. */
extern const struct place place_here, place_remote;

const struct place *place_of(const struct lab_paths *paths);

#endif
