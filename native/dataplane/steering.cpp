#include "dataplane/steering.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "packet/icmp4.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/protocol.h"

namespace platypus {
namespace {

constexpr uint32_t kFragmentBits = Ipv4Header::kMoreFragments | Ipv4Header::kOffsetMask;
constexpr int32_t kIcmpHeader = 8;

enum Register : uint8_t { kR0, kR1, kR2, kR6 = 6, kSum, kOffset };

/// Instructions in the order in which they run, with jumps to places that are named later.
class Assembler {
 public:
  using Label = size_t;

  Label label() {
    places_.push_back(0);
    return places_.size() - 1;
  }
  void place(Label label) { places_[label] = program_.size(); }

  void put(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
    bpf_insn instruction{};
    instruction.code = code;
    instruction.dst_reg = to & 0xf;
    instruction.src_reg = from & 0xf;
    instruction.off = offset;
    instruction.imm = value;
    program_.push_back(instruction);
  }
  void moveTo(uint8_t to, uint8_t from) { put(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void set(uint8_t to, int32_t value) { put(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void set64(uint8_t to, uint64_t value) {
    put(BPF_LD | BPF_IMM | BPF_DW, to, 0, 0, static_cast<int32_t>(value));
    put(0, 0, 0, 0, static_cast<int32_t>(value >> 32));
  }
  /// 32-bit arithmetic with a constant; the upper half becomes zero.
  void narrow(uint8_t operation, uint8_t to, uint32_t value) {
    put(BPF_ALU | operation | BPF_K, to, 0, 0, static_cast<int32_t>(value));
  }
  void wide(uint8_t operation, uint8_t to, int32_t value) {
    put(BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
  }
  void wideBy(uint8_t operation, uint8_t to, uint8_t from) {
    put(BPF_ALU64 | operation | BPF_X, to, from, 0, 0);
  }
  /// R0 from the packet, in host order; a packet that is too short ends the program with 0.
  void load(uint8_t size, int32_t at) { put(BPF_LD | BPF_ABS | size, 0, 0, 0, at); }
  void loadFrom(uint8_t size, uint8_t base, int32_t at) {
    put(BPF_LD | BPF_IND | size, 0, base, 0, at);
  }
  void jumpIf(uint8_t condition, uint8_t left, int32_t right, Label to) {
    jumps_.push_back({program_.size(), to});
    put(BPF_JMP | condition | BPF_K, left, 0, 0, right);
  }
  void jump(Label to) {
    jumps_.push_back({program_.size(), to});
    put(BPF_JMP | BPF_JA, 0, 0, 0, 0);
  }
  void exit() { put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

  std::vector<bpf_insn> finish() {
    for (const Jump& jump : jumps_) {
      program_[jump.at].off = static_cast<int16_t>(places_[jump.to] - jump.at - 1);
    }
    return std::move(program_);
  }

 private:
  struct Jump {
    size_t at;
    Label to;
  };
  std::vector<bpf_insn> program_;
  std::vector<size_t> places_;
  std::vector<Jump> jumps_;
};

class Builder {
 public:
  explicit Builder(const Owners& owners) : owners_(owners) {}

  std::vector<bpf_insn> stateful() {
    const auto v6 = begin();
    portOfV4();
    code_.place(v6);
    subscriberOfV6();
    return code_.finish();
  }
  std::vector<bpf_insn> stateless() {
    const auto v6 = begin();
    addressesOfV4();
    code_.place(v6);
    code_.set(kSum, 0);
    for (int word = 0; word < 8; ++word) {
      addWord(8 + word * 4, 0xffffffff, static_cast<size_t>(word));
    }
    spread();
    return code_.finish();
  }

 private:
  /// Goes on for IPv4, jumps for IPv6, and ends for the rest.
  Assembler::Label begin() {
    const auto v6 = code_.label();
    const auto v4 = code_.label();
    code_.moveTo(kR6, kR1);  // where BPF_LD finds the packet
    code_.load(BPF_B, 0);
    code_.narrow(BPF_RSH, kR0, 4);
    code_.jumpIf(BPF_JEQ, kR0, 6, v6);
    code_.jumpIf(BPF_JEQ, kR0, 4, v4);
    code_.set(kR0, 0);
    code_.exit();
    code_.place(v4);
    return v6;
  }

  void addWord(int32_t at, uint32_t mask, size_t key) {
    code_.load(BPF_W, at);
    if (mask != 0xffffffff) code_.narrow(BPF_AND, kR0, mask);
    code_.set64(kR1, owners_.keys()[key]);
    code_.wideBy(BPF_MUL, kR0, kR1);
    code_.wideBy(BPF_ADD, kSum, kR0);
  }
  /// R0 = the upper half of the sum, spread over the workers; end.
  void spread() {
    code_.moveTo(kR0, kSum);
    code_.wide(BPF_RSH, kR0, 32);
    code_.wide(BPF_MUL, kR0, owners_.workers());
    code_.wide(BPF_RSH, kR0, 32);
    code_.exit();
  }

  void hostAt(int32_t at) {
    code_.set(kSum, 0);
    for (size_t word = 0; word < 4; ++word) {
      if (owners_.masks()[word] == 0) continue;
      addWord(at + static_cast<int32_t>(word) * 4, owners_.masks()[word], word);
    }
    spread();
  }
  void addressesOfV4() {
    code_.set(kSum, 0);
    addWord(offsetof(Ipv4Header, source), 0xffffffff, 0);
    addWord(offsetof(Ipv4Header, destination), 0xffffffff, 1);
    spread();
  }

  /// The source; for an ICMP error the destination of what it quotes.
  void subscriberOfV6() {
    constexpr auto kSource = static_cast<int32_t>(offsetof(Ipv6Header, source));
    constexpr auto kDestination = static_cast<int32_t>(offsetof(Ipv6Header, destination));
    constexpr auto kHeader = static_cast<int32_t>(Ipv6Header::kSize);
    const auto plain = code_.label();
    code_.load(BPF_B, offsetof(Ipv6Header, next_header));
    code_.jumpIf(BPF_JNE, kR0, protocol::kIcmp6, plain);
    code_.load(BPF_B, kHeader);
    code_.jumpIf(BPF_JGE, kR0, 128, plain);  // RFC 4443 §2.1: errors are below 128
    hostAt(kHeader + kIcmpHeader + kDestination);
    code_.place(plain);
    hostAt(kSource);
  }

  /// R0 = header length of the IPv4 header at `at`.
  void headerLength(uint8_t base, int32_t at) {
    if (base == kR0) {
      code_.load(BPF_B, at);
    } else {
      code_.loadFrom(BPF_B, base, at);
    }
    code_.narrow(BPF_AND, kR0, 0x0f);
    code_.narrow(BPF_LSH, kR0, 2);
  }
  /// R0 = a port at `at`; end.
  void portAt(int32_t at) {
    code_.loadFrom(BPF_H, kOffset, at);
    code_.narrow(BPF_RSH, kR0, 6);
    code_.narrow(BPF_MOD, kR0, owners_.workers());
    code_.exit();
  }

  /// The port or identifier on our side; fragments by their addresses.
  void portOfV4() {
    const auto whole = code_.label();
    const auto icmp = code_.label();
    const auto error = code_.label();
    const auto quoted_icmp = code_.label();
    code_.load(BPF_H, offsetof(Ipv4Header, flags_offset));
    code_.narrow(BPF_AND, kR0, kFragmentBits);
    code_.jumpIf(BPF_JEQ, kR0, 0, whole);
    addressesOfV4();
    code_.place(whole);
    headerLength(kR0, 0);
    code_.moveTo(kOffset, kR0);
    code_.load(BPF_B, offsetof(Ipv4Header, protocol));
    code_.jumpIf(BPF_JEQ, kR0, protocol::kIcmp4, icmp);
    portAt(2);

    code_.place(icmp);
    code_.loadFrom(BPF_B, kOffset, 0);
    for (const uint8_t type :
         {icmp4::kUnreachable, icmp4::kTimeExceeded, icmp4::kParameterProblem}) {
      code_.jumpIf(BPF_JEQ, kR0, type, error);
    }
    portAt(4);

    // The source of what an error quotes is on our side.
    code_.place(error);
    code_.wide(BPF_ADD, kOffset, kIcmpHeader);
    code_.loadFrom(BPF_B, kOffset, offsetof(Ipv4Header, protocol));
    code_.moveTo(kSum, kR0);
    headerLength(kOffset, 0);
    code_.wideBy(BPF_ADD, kOffset, kR0);
    code_.jumpIf(BPF_JEQ, kSum, protocol::kIcmp4, quoted_icmp);
    portAt(0);
    code_.place(quoted_icmp);
    portAt(4);
  }

  const Owners& owners_;
  Assembler code_;
};

}  // namespace

std::vector<bpf_insn> steeringProgram(Mode mode, const Owners& owners) {
  Builder builder(owners);
  return mode == Mode::kNat64 ? builder.stateful() : builder.stateless();
}

int loadSteering(const std::vector<bpf_insn>& program) {
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = reinterpret_cast<uint64_t>(program.data());
  attributes.insn_cnt = static_cast<uint32_t>(program.size());
  attributes.license = reinterpret_cast<uint64_t>(kLicense);
  std::strncpy(attributes.prog_name, "platypus_steer", sizeof attributes.prog_name - 1);
  const long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

}  // namespace platypus
