/// @file
/// Secrets: move-only, wiped, unprintable, compared in constant time.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include <botan/mem_ops.h>
#include <botan/secmem.h>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/hazmat.hpp>

namespace keywarden {

namespace detail {
struct secret_access;
}

/// Bytes that must not leak, with their role in the type.
///
/// Protects against: copies left behind (move-only, wiped when destroyed or moved from), printing,
/// comparison by timing, swapping and core dumps (Botan's locked pool is mlock()ed and
/// MADV_DONTDUMP). Does not protect against: code in the same process; a locked pool that is
/// exhausted (512 KiB at most) or forbidden (RLIMIT_MEMLOCK 0) falls back to plain memory, which is
/// still wiped. Threads: may be shared to read. Reading the bytes needs `hazmat::export_bytes`.
template <class Role>
class secret {
 public:
  /// No bytes.
  secret() noexcept = default;

  secret(secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  secret& operator=(secret&& other) noexcept {
    if (this != &other) {
      wipe();
      bytes_.swap(other.bytes_);
    }
    return *this;
  }
  secret(const secret&) = delete;
  secret& operator=(const secret&) = delete;
  ~secret() = default;  // the allocator wipes

  /// Copies bytes in. The source stays the caller's to wipe.
  [[nodiscard]] static secret copy_of(bytes_view data) {
    secret made(data.size());
    if (!data.empty()) std::memcpy(made.bytes_.data(), data.data(), data.size());
    return made;
  }

  /// A second holder of the same secret, made on purpose and visibly.
  [[nodiscard]] secret duplicate() const { return copy_of(bytes_); }

  /// How many bytes. The length of a secret is not treated as a secret.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

  /// Overwrites the bytes with zeros and forgets them.
  void wipe() noexcept { Botan::zap(bytes_); }

  /// Equal in length and content; constant time for equal lengths.
  friend bool operator==(const secret& left, const secret& right) noexcept {
    return left.size() == right.size() &&
           Botan::constant_time_compare(bytes_view(left.bytes_), bytes_view(right.bytes_));
  }

 private:
  friend struct detail::secret_access;
  explicit secret(std::size_t size) : bytes_(size) {}

  Botan::secure_vector<std::uint8_t> bytes_;
};

/// Key bytes: uniformly random, full strength.
using secret_key = secret<struct key_role>;

/// What a person chose and typed: low in entropy, so it only ever goes through a password KDF.
/// Not convertible to or from `secret_key`.
class password : public secret<struct password_role> {
 public:
  password() noexcept = default;

  /// Copies the text; the source stays the caller's to wipe.
  explicit password(std::string_view text) : secret(copy_of(as_bytes(text))) {}

  /// A second holder of the same password, made on purpose and visibly.
  [[nodiscard]] password duplicate() const { return password(secret::duplicate()); }

 private:
  explicit password(secret&& made) noexcept : secret(std::move(made)) {}
};

/// What `open` gives back: the caller's own data, readable, still move-only and wiped.
class plaintext {
 public:
  plaintext() noexcept = default;
  explicit plaintext(std::size_t size) : bytes_(size) {}
  plaintext(plaintext&&) noexcept = default;
  plaintext& operator=(plaintext&&) noexcept = default;
  plaintext(const plaintext&) = delete;
  plaintext& operator=(const plaintext&) = delete;
  ~plaintext() = default;  // the allocator wipes

  /// A copy of bytes that somebody else keeps, and wipes.
  [[nodiscard]] static plaintext copy_of(bytes_view data) {
    plaintext made(data.size());
    if (!data.empty()) std::memcpy(made.bytes_.data(), data.data(), data.size());
    return made;
  }

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

  /// The bytes; the view lives as long as this object.
  [[nodiscard]] bytes_view view() const noexcept { return bytes_; }
  [[nodiscard]] mutable_bytes view() noexcept { return bytes_; }

  /// The bytes as text; no encoding is checked.
  [[nodiscard]] std::string_view text() const noexcept { return as_text(bytes_); }

  /// Keeps the first `size` bytes and wipes the rest. `size` is at most the present one.
  void shrink(std::size_t size) noexcept {
    Botan::secure_scrub_memory(bytes_.data() + size, bytes_.size() - size);
    bytes_.resize(size);
  }

  friend bool operator==(const plaintext& left, bytes_view right) noexcept {
    return left.size() == right.size() && Botan::constant_time_compare(left.view(), right);
  }

 private:
  Botan::secure_vector<std::uint8_t> bytes_;
};

namespace detail {

/// The library's own door to a secret's bytes. Programs use `hazmat::export_bytes`.
struct secret_access {
  template <class Role>
  [[nodiscard]] static bytes_view view(const secret<Role>& from) noexcept {
    return from.bytes_;
  }
  template <class Role>
  [[nodiscard]] static mutable_bytes view(secret<Role>& from) noexcept {
    return from.bytes_;
  }
  template <class Secret>
  [[nodiscard]] static Secret sized(std::size_t size) {
    return Secret(size);
  }
  template <class Role>
  [[nodiscard]] static secret<Role> adopt(Botan::secure_vector<std::uint8_t>&& data) noexcept {
    secret<Role> made;
    made.bytes_ = std::move(data);
    return made;
  }
};

/// The bytes of a secret, inside the library.
template <class Role>
[[nodiscard]] bytes_view view_of(const secret<Role>& from) noexcept {
  return secret_access::view(from);
}

/// A key of `size` zero bytes, to be filled.
[[nodiscard]] inline secret_key sized_key(std::size_t size) {
  return secret_access::sized<secret_key>(size);
}

/// Takes over a buffer that Botan filled.
[[nodiscard]] inline secret_key adopt_key(Botan::secure_vector<std::uint8_t>&& data) noexcept {
  return secret_access::adopt<struct key_role>(std::move(data));
}

/// Wipes a buffer that is not a `secret` (a stack array, a caller's buffer).
inline void wipe(mutable_bytes data) noexcept {
  Botan::secure_scrub_memory(data.data(), data.size());
}

}  // namespace detail

namespace hazmat {

/// A secret's bytes, in the clear. The view lives as long as the secret; whoever copies it owns a
/// copy that nobody wipes.
template <class Role>
[[nodiscard]] bytes_view export_bytes(const secret<Role>& from, insecure_access) noexcept {
  return detail::view_of(from);
}

}  // namespace hazmat
}  // namespace keywarden
