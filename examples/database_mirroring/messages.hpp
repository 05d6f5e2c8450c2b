/// @file
/// What partners and witness tell each other, and how it looks on the wire.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>

namespace mirroring {

using keywarden::bytes;
using keywarden::bytes_view;

/// The three instances. Each pair has at most one connection at a time, and it is first in, first
/// out; nothing is promised about the order across connections.
enum class node : std::uint8_t { host_a, host_b, witness };
inline constexpr std::array nodes{node::host_a, node::host_b, node::witness};

/// On the command line and in the file system.
[[nodiscard]] constexpr std::string_view name_of(node which) noexcept {
  constexpr std::array<std::string_view, 3> names{"host_a", "host_b", "witness"};
  return names.at(static_cast<std::size_t>(which));
}

/// Where an entry stands in the log: its number, and the term whose principal wrote it. Two logs
/// that have an entry with the same position are equal up to it.
struct position {
  std::uint64_t lsn = 0;
  std::uint64_t term = 0;
  friend bool operator==(const position&, const position&) = default;
};

/// Said when a connection begins and when the sender's part changes; the mirror's answer to it
/// tells where its log ends.
struct hello {
  std::uint64_t term = 0;  ///< the highest term the sender knows
  bool principal = false;  ///< whether the sender is the principal of that term
  position last;           ///< a partner's last log entry
  friend bool operator==(const hello&, const hello&) = default;
};

// Between a partner and the witness.
/// "I know this term; make me the principal of the next."
struct take_over {
  std::uint64_t term = 0;
  friend bool operator==(const take_over&, const take_over&) = default;
};
/// "You are the principal of this term": recorded before it is said.
struct granted {
  std::uint64_t term = 0;
  friend bool operator==(const granted&, const granted&) = default;
};
/// The principal on its mirror: may it take over? Numbered within the term.
struct report {
  std::uint64_t term = 0;
  std::uint64_t number = 0;
  bool synchronized = false;
  friend bool operator==(const report&, const report&) = default;
};
/// The report of this number is recorded.
struct recorded {
  std::uint64_t term = 0;
  std::uint64_t number = 0;
  friend bool operator==(const recorded&, const recorded&) = default;
};

// From the principal to the mirror, and its answers.
/// "Our logs are equal up to this entry: roll back what comes after it."
struct probe {
  std::uint64_t term = 0;
  position at;
  friend bool operator==(const probe&, const probe&) = default;
};
/// The next entry.
struct append {
  std::uint64_t term = 0;
  position at;
  bytes change;
  friend bool operator==(const append&, const append&) = default;
};
/// "My log equals yours up to here, on disk."
struct stored {
  std::uint64_t term = 0;
  std::uint64_t lsn = 0;
  friend bool operator==(const stored&, const stored&) = default;
};

/// Nothing but a sign of life; links keep it to themselves.
struct alive {
  friend bool operator==(const alive&, const alive&) = default;
};

/// The alternatives' order is the type byte on the wire.
using message =
    std::variant<alive, hello, take_over, granted, report, recorded, probe, append, stored>;

/// A change is at most this long, and so a frame is bounded before it is read.
inline constexpr std::size_t max_change = std::size_t{1} << 20U;
inline constexpr std::size_t max_message = max_change + 64;
inline constexpr std::size_t frame_header = 4;  ///< the length of what follows, big-endian

namespace detail {

/// Lists a message's fields, for writing and for reading.
template <class Fields>
void list_fields(Fields& as, alive& /*nothing*/) {
  static_cast<void>(as);
}
void list_fields(auto& as, position& it) { as(it.lsn), as(it.term); }
void list_fields(auto& as, hello& it) { as(it.term), as(it.principal), list_fields(as, it.last); }
void list_fields(auto& as, take_over& it) { as(it.term); }
void list_fields(auto& as, granted& it) { as(it.term); }
void list_fields(auto& as, report& it) { as(it.term), as(it.number), as(it.synchronized); }
void list_fields(auto& as, recorded& it) { as(it.term), as(it.number); }
void list_fields(auto& as, probe& it) { as(it.term), list_fields(as, it.at); }
void list_fields(auto& as, append& it) { as(it.term), list_fields(as, it.at), as(it.change); }
void list_fields(auto& as, stored& it) { as(it.term), as(it.lsn); }

struct writer {
  bytes out;
  void operator()(std::uint64_t number) { keywarden::append_big_endian(out, number); }
  void operator()(bool flag) { out.push_back(flag ? 1 : 0); }
  void operator()(const bytes& rest) { keywarden::append(out, rest); }
};

struct reader {
  bytes_view in;
  bool good = true;

  void operator()(std::uint64_t& number) {
    if (!has(sizeof(number))) return;
    number = keywarden::load_big_endian<std::uint64_t>(in);
    in = in.subspan(sizeof(number));
    good = number < (std::uint64_t{1} << 62U);  // far from any overflow
  }
  void operator()(bool& flag) {
    if (!has(1)) return;
    good = in[0] <= 1;
    flag = in[0] == 1;
    in = in.subspan(1);
  }
  void operator()(bytes& rest) {
    good = good && in.size() <= max_change;
    if (!good) return;
    rest = keywarden::to_bytes(in);
    in = {};
  }

 private:
  bool has(std::size_t count) { return good = good && in.size() >= count; }
};

template <std::size_t At = 0>
std::optional<message> read_as(std::size_t type, bytes_view data) {
  if constexpr (At == std::variant_size_v<message>) {
    return std::nullopt;
  } else {
    if (type != At) return read_as<At + 1>(type, data);
    std::variant_alternative_t<At, message> made;
    reader from{data};
    list_fields(from, made);
    if (!from.good || !from.in.empty()) return std::nullopt;
    return made;
  }
}

}  // namespace detail

/// The message as a frame: length, type, fields.
[[nodiscard]] inline bytes encode(message what) {
  detail::writer to;
  to.out.resize(frame_header);
  to.out.push_back(static_cast<std::uint8_t>(what.index()));
  std::visit([&](auto& each) { detail::list_fields(to, each); }, what);
  keywarden::store_big_endian(to.out, static_cast<std::uint32_t>(to.out.size() - frame_header));
  return std::move(to.out);
}

/// A received message, once it is complete, and how many bytes it took.
struct received_message {
  message what;
  std::size_t size = 0;
};

/// The first message of what was received; none while it is incomplete. Errors: `limit_exceeded`
/// for a length that no message has, before anything of it is stored; `malformed` for everything
/// that `encode` does not write.
[[nodiscard]] inline keywarden::result<std::optional<received_message>> decode(bytes_view stream) {
  using keywarden::errc;
  using keywarden::fact;
  if (stream.size() < frame_header) return std::optional<received_message>();
  const std::size_t size = keywarden::load_big_endian<std::uint32_t>(stream);
  if (size == 0 || size > max_message)
    return keywarden::error(errc::limit_exceeded)
        .with(fact::kind, "message")
        .with(fact::limit, max_message)
        .with(fact::actual, size);
  if (stream.size() < frame_header + size) return std::optional<received_message>();
  const auto body = stream.subspan(frame_header, size);
  auto read = detail::read_as(body[0], body.subspan(1));
  if (!read) return keywarden::error(errc::malformed).with(fact::kind, "message");
  return received_message{std::move(*read), frame_header + size};
}

}  // namespace mirroring
