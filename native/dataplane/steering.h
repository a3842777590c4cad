// The kernel chooses the queue, and so the worker, for each packet by a program of ours
// (TUNSETSTEERINGEBPF): the same arithmetic as Owners. What it cannot know (hairpins, extension
// headers before an ICMP error, mappings of the administrator on another worker's port) is handed
// over between workers, as is everything where the kernel refuses the program.
//
// The program is put together here, instruction by instruction: no compiler is needed at run time.
#pragma once

#include <linux/bpf.h>

#include <vector>

#include "dataplane/config.h"
#include "dataplane/owners.h"

namespace platypus {

/// The program that chooses a queue for the packets of `mode`. It reads an IP packet without a link
/// header and returns the owner; 0 for what is cut short.
std::vector<bpf_insn> steeringProgram(Mode mode, const Owners& owners);

/// Hands a program to the kernel. A file descriptor to be closed by the caller, or -errno: EPERM
/// without CAP_BPF or CAP_SYS_ADMIN, EINVAL or ENOSYS where the kernel has no such programs.
int loadSteering(const std::vector<bpf_insn>& program);

}  // namespace platypus
