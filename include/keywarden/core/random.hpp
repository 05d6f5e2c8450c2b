/// @file
/// Randomness as a policy: the system's for keys, a buffered fork-safe generator for nonces.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <concepts>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include <botan/rng.h>
#include <botan/stream_cipher.h>
#include <botan/system_rng.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/hazmat.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/strong.hpp>

namespace keywarden {

/// A concept matching sources of random bytes. Satisfied by `system_random`, `nonce_generator` and
/// `hazmat::deterministic_random`.
///
/// `fill` overwrites the whole span or fails; it never leaves part of it predictable.
template <class T>
concept random_source = std::movable<std::remove_cvref_t<T>> &&
    requires(std::remove_reference_t<T>& source, mutable_bytes out) {
  { source.fill(out) } -> std::same_as<result<void>>;
};

/// The operating system's generator (getrandom), for key material. Stateless; any thread.
/// Errors: `backend_failed` when the system has none to give.
struct system_random {
  [[nodiscard]] static result<void> fill(mutable_bytes out) {
    return detail::guarded("system randomness", [&] { Botan::system_rng().randomize(out); });
  }
};

/// A ChaCha20 generator for nonces: buffered, and erased as it goes.
///
/// Each refill of 3 KiB replaces the generator's key first (fast key erasure, as in Linux's own
/// generator), and each byte handed out is wiped, so that its state tells nothing of the past. The
/// state lives in a page of its own that the kernel wipes in a forked child (MADV_WIPEONFORK) and
/// leaves out of core dumps: a child never repeats its parent's nonces. After 64 MiB it draws a new
/// seed. Does not protect against a restored virtual-machine snapshot. One thread at a time.
/// Errors: `backend_failed` when the system gives no seed; `io_failed` when no page could be had.
class nonce_generator {
 public:
  nonce_generator() = default;

  /// Takes `out` from the buffer if it holds that much. Cheap; refills nothing.
  [[nodiscard]] bool try_fill(mutable_bytes out) noexcept {
    if (page_ == nullptr || !page_->seeded || sizeof(page_->output) - page_->used < out.size())
      return false;
    std::memcpy(out.data(), page_->output + page_->used, out.size());
    std::memset(page_->output + page_->used, 0, out.size());
    page_->used += out.size();
    return true;
  }

  [[nodiscard]] result<void> fill(mutable_bytes out) {
    while (!out.empty()) {
      if (page_ == nullptr || !page_->seeded || page_->used == sizeof(page_->output)) {
        if (auto refilled = refill(); !refilled) return refilled;
      }
      const auto take = std::min(out.size(), sizeof(page_->output) - page_->used);
      std::memcpy(out.data(), page_->output + page_->used, take);
      std::memset(page_->output + page_->used, 0, take);
      page_->used += take;
      out = out.subspan(take);
    }
    return done();
  }

 private:
  struct state {
    bool seeded;
    std::size_t used;
    std::size_t refills;
    std::uint8_t key[32];
    std::uint8_t output[3072];  // with the rest, within one page
  };
  struct unmap {
    void operator()(state* page) const noexcept {
      detail::wipe({reinterpret_cast<std::uint8_t*>(page), sizeof(state)});
      ::munmap(page, sizeof(state));
    }
  };
  static constexpr std::size_t refills_per_seed = 21845;

  [[nodiscard]] result<void> refill() {
    if (page_ == nullptr) {
      void* raw = ::mmap(nullptr, sizeof(state), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (raw == MAP_FAILED)
        return error(errc::io_failed).with(fact::operation, "mapping the generator's page");
      page_.reset(static_cast<state*>(raw));
      ::madvise(raw, sizeof(state), MADV_DONTDUMP);
      // A kernel without MADV_WIPEONFORK (before 4.14) gets no buffering at all rather than a risk.
      buffered_ = ::madvise(raw, sizeof(state), MADV_WIPEONFORK) == 0;
    }
    if (!buffered_ || !page_->seeded || page_->refills == refills_per_seed) {
      if (auto seeded = system_random::fill(page_->key); !seeded) return seeded;
      page_->refills = 0;
    }
    auto made = detail::guarded("nonce generator", [this] {
      if (cipher_ == nullptr) cipher_ = Botan::StreamCipher::create_or_throw("ChaCha(20)");
      constexpr std::uint8_t no_key[sizeof(state::key)] = {};
      cipher_->set_key(page_->key);  // and an all-zero nonce
      cipher_->write_keystream(page_->key, sizeof(page_->key));
      cipher_->write_keystream(page_->output, sizeof(page_->output));
      cipher_->set_key(
          no_key);  // overwrites all that the cipher holds; clear() would give its memory back
    });
    if (!made) return made;
    page_->used = 0;
    page_->refills += 1;
    page_->seeded = buffered_;
    return done();
  }

  std::unique_ptr<state, unmap> page_;
  std::unique_ptr<Botan::StreamCipher> cipher_;
  bool buffered_ = false;
};

namespace hazmat {

/// A generator that repeats itself, for frozen test vectors only. Seals made with it are not
/// secure.
class deterministic_random {
 public:
  deterministic_random(std::uint64_t seed, insecure_access) noexcept : state_(seed) {}

  [[nodiscard]] result<void> fill(mutable_bytes out) noexcept {
    for (auto& byte : out) {  // SplitMix64, one byte a step
      state_ += 0x9e3779b97f4a7c15U;
      auto mixed = state_;
      mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
      byte = static_cast<std::uint8_t>(mixed ^ (mixed >> 31U));
    }
    return done();
  }

 private:
  std::uint64_t state_;
};

}  // namespace hazmat

/// A fresh key of `size` bytes. Errors: those of the source.
template <random_source Random = system_random>
[[nodiscard]] result<secret_key> random_key(std::size_t size = 32, Random&& random = Random{}) {
  auto made = detail::sized_key(size);
  if (auto filled = random.fill(detail::secret_access::view(made)); !filled) return filled.error();
  return made;
}

/// A fresh public value (a salt, a nonce, an id). Errors: those of the source.
template <class Strong, random_source Random = system_random>
[[nodiscard]] result<Strong> random_public(Random&& random = Random{}) {
  Strong made;
  if (auto filled = random.fill(made.view()); !filled) return filled.error();
  return made;
}

static_assert(random_source<system_random>);
static_assert(random_source<nonce_generator>);
static_assert(random_source<hazmat::deterministic_random>);

namespace detail {

/// Botan's generator interface over any `random_source`. Throws inside `guarded` when it fails.
template <random_source Random>
class botan_random final : public Botan::RandomNumberGenerator {
 public:
  explicit botan_random(Random& source) noexcept : source_(source) {}
  bool accepts_input() const override { return false; }
  std::string name() const override { return "keywarden"; }
  void clear() override {}
  bool is_seeded() const override { return true; }

 private:
  void fill_bytes_with_input(std::span<std::uint8_t> output,
                             std::span<const std::uint8_t> /*input*/) override {
    if (!source_.fill(output)) throw Botan::Invalid_State("the source of randomness failed");
  }
  Random& source_;
};

}  // namespace detail
}  // namespace keywarden
