/// @file
/// A key ring opened for one purpose: it seals and opens messages, from any number of threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/aead.hpp>
#include <keywarden/crypto/context_pool.hpp>
#include <keywarden/crypto/kdf.hpp>
#include <keywarden/key/key_ring.hpp>
#include <keywarden/key/message_format.hpp>
#include <keywarden/key/purpose.hpp>
#include <keywarden/key/seal_budget.hpp>

namespace keywarden {

/// The label under which the subkey of a purpose is derived from a key version's secret.
template <purpose Purpose>
[[nodiscard]] result<secret_key> purpose_subkey(const secret_key& version) {
  bytes label = to_bytes(as_bytes("keywarden/1/purpose/"));
  append(label, as_bytes(Purpose::name));
  return crypto::hkdf_sha256(version, {}, label);
}

/// A key ring opened for `Purpose`: seals under the active version, opens under whichever version
/// sealed.
///
/// Protects: secrecy and integrity of the message, integrity of the associated data and of the
/// header. Does not protect: the message's length; the secrecy of the associated data; against
/// replay. The AEADs do not commit to their key. Immutable and movable; any number of threads may
/// use one object. The keys are wiped with it. `seal_into` and `open_into` allocate nothing in the
/// steady state (AES-256-GCM, ChaCha20-Poly1305).
template <purpose Purpose, crypto::aead Aead = crypto::aes256_gcm,
          message_format Format = format::native>
class opened_key {
 public:
  /// Who computes.
  using aead = Aead;
  /// How the messages look.
  using format = Format;

  opened_key(opened_key&&) noexcept = default;
  opened_key& operator=(opened_key&&) noexcept = default;
  opened_key(const opened_key&) = delete;
  opened_key& operator=(const opened_key&) = delete;
  ~opened_key() = default;

  /// How many bytes a sealed message is longer than its plaintext.
  static constexpr std::size_t overhead = Format::header_size + crypto::tag::size;

  /// Derives the purpose's subkey of every version that opens. `budget` counts the messages sealed;
  /// it may be shared with other opened keys;
  /// without one the ring's AEAD limit is this object's alone. Errors: those of the derivation.
  [[nodiscard]] static result<opened_key> create(const key_ring& ring,
                                                 std::shared_ptr<seal_budget> budget = nullptr) {
    opened_key made;
    for (const auto& version : ring.versions()) {
      if (!opens(version.state)) continue;
      auto key = purpose_subkey<Purpose>(version.secret);
      if (!key) return key.error();
      auto pool = contexts::create(std::move(*key));
      if (!pool) return pool.error();
      if (version.state == key_state::active) made.active_ = made.versions_.size();
      made.versions_.push_back({version.id, std::move(*pool), {}});
      Format::write_header(made.versions_.back().header, {version.id, {}}, Aead::id);
    }
    made.budget_ =
        budget != nullptr ? std::move(budget) : std::make_shared<seal_budget>(Aead::max_messages);
    return made;
  }

  /// The id of the version that seals.
  [[nodiscard]] key_id active() const noexcept { return versions_[active_].id; }

  /// How many bytes `seal` makes of `size` bytes.
  [[nodiscard]] static constexpr std::size_t sealed_size(std::size_t size) noexcept {
    return size + overhead;
  }

  /// Seals a message for storage or transport. `associated_data` is authenticated, not stored: the
  /// same must be given to open. Errors: `message_too_long`, `budget_exhausted`, those of the
  /// lessor and of randomness.
  [[nodiscard]] result<sealed<Purpose>> seal(bytes_view message,
                                             bytes_view associated_data = {}) const {
    bytes out(sealed_size(message.size()));
    if (auto made = seal_into(message, associated_data, out); !made) return made.error();
    return sealed<Purpose>(std::move(out));
  }

  /// The same into the caller's buffer; returns how many bytes were written. `message` may lie
  /// anywhere in `out` (best at `out[Format::header_size]`: then nothing is copied). Errors: as
  /// `seal`, and `buffer_too_small`. When the cipher refuses, the buffer's first `sealed_size`
  /// bytes are wiped; every other refusal comes before anything is written.
  [[nodiscard]] result<std::size_t> seal_into(bytes_view message, bytes_view associated_data,
                                              mutable_bytes out) const {
    const auto size = sealed_size(message.size());
    if (out.size() < size)
      return error(errc::buffer_too_small).with(fact::limit, out.size()).with(fact::actual, size);
    const auto& version = versions_[active_];
    associated_buffer associated;
    associated.write_short(version.header, associated_data);
    auto context = version.pool->try_take();
    if (!context) [[unlikely]]
      if (auto taken = take(version, context); !taken) return taken.error();
    auto& keyed = *context;
    if (!budget_->try_spend(keyed.kept)) [[unlikely]]
      if (auto spent = budget_->spend(keyed.kept); !spent) return spent.error();

    const auto authenticated =
        associated.written(keyed.associated, version.header, associated_data);
    nonce once;
    if (!keyed.nonces.try_fill(once.view())) [[unlikely]]
      if (auto drawn = keyed.nonces.fill(once.view()); !drawn) return drawn.error();
    const auto body = out.subspan(Format::header_size, message.size());
    if (!message.empty() && body.data() != message.data())
      std::memmove(body.data(), message.data(), message.size());
    copy_bytes(out, bytes_view(version.header).first<head_size>());
    copy_bytes(out.subspan<head_size>(), once.view());
    crypto::tag tag;
    if (const auto made = keyed.cipher.seal(once, authenticated, body, tag); !made) [[unlikely]] {
      detail::wipe(out.first(size));
      return explain(made, message.size());
    }
    copy_bytes(out.subspan(size - crypto::tag::size), tag.view());
    return size;
  }

  /// Opens a message. Errors: `truncated`, `unsupported_version`, `unsupported_suite`,
  /// `unknown_key`, `authentication_failed`.
  [[nodiscard]] result<plaintext> open(const sealed<Purpose>& message,
                                       bytes_view associated_data = {}) const {
    if (message.view().size() < overhead) return too_short(message.view().size());
    plaintext out(message.view().size() - overhead);
    if (auto opened = open_into(message.view(), associated_data, out.view()); !opened)
      return opened.error();
    return out;
  }

  /// The same into the caller's buffer; returns how many bytes were written. `out` may be where the
  /// message's ciphertext is (`message[Format::header_size]`): then nothing is copied. Errors: as
  /// `open`, and `buffer_too_small`. Whenever authentication fails, what was written is wiped.
  [[nodiscard]] result<std::size_t> open_into(bytes_view message, bytes_view associated_data,
                                              mutable_bytes out) const {
    if (message.size() < overhead) return too_short(message.size());
    const auto size = message.size() - overhead;
    if (out.size() < size)
      return error(errc::buffer_too_small).with(fact::limit, out.size()).with(fact::actual, size);
    message_header header;
    if (const auto known = Format::read_header(message, Aead::id, header); !known) [[unlikely]]
      return known.error().with(fact::version, message[0]).with(fact::scheme, Format::name);
    const auto* version = find(header.key);
    if (version == nullptr) [[unlikely]]
      return unknown(header.key);
    associated_buffer associated;
    associated.write_short(message.first(Format::header_size), associated_data);
    auto context = version->pool->try_take();
    if (!context) [[unlikely]]
      if (auto taken = take(*version, context); !taken) return taken.error();
    auto& keyed = *context;

    const auto authenticated =
        associated.written(keyed.associated, message.first(Format::header_size), associated_data);
    crypto::tag tag;  // copied first: the output may overlap the message
    copy_bytes(tag.view(), message.last<crypto::tag::size>());
    const auto body = out.first(size);
    if (size > 0 && body.data() != message.data() + Format::header_size)
      std::memmove(body.data(), message.data() + Format::header_size, size);
    if (const auto made = keyed.cipher.open(header.once, authenticated, body, tag); !made)
        [[unlikely]]
      return explain(made, size);
    return size;
  }

 private:
  using contexts = crypto::context_pool<Aead, seal_allowance>;
  struct version_pool {
    key_id id;
    std::unique_ptr<contexts> pool;
    std::array<std::uint8_t, Format::header_size> header;  // of its messages, but for the nonce
  };

  /// What is authenticated with a message: on the stack where it is short, and then written before
  /// a context is leased. The lease waits for what was written, as it must for other threads to see
  /// it; the cipher, which reads it at once in larger pieces, would have to wait as well.
  class associated_buffer {
   public:
    void write_short(bytes_view header, bytes_view associated_data) noexcept {
      if (associated_data.size() <= sizeof(near_) - Format::associated_overhead) [[likely]]
        Format::associate(near_, header, associated_data);
    }
    [[nodiscard]] bytes_view written(bytes& large, bytes_view header, bytes_view associated_data) {
      const auto size = Format::associated_overhead + associated_data.size();
      if (associated_data.size() <= sizeof(near_) - Format::associated_overhead) [[likely]]
        return {near_, size};
      large.resize(size);
      Format::associate(large, header, associated_data);
      return large;
    }

   private:
    static_assert(Format::associated_overhead <= 128,
                  "the format adds too much to the associated data");
    std::uint8_t near_[128];
  };
  static constexpr std::size_t head_size = Format::header_size - nonce::size;

  opened_key() = default;

  using lease = typename contexts::lease;

  /// The way round when another thread has the first context.
  [[gnu::noinline]] static result<void> take(const version_pool& version, lease& into) {
    auto taken = version.pool->take();
    if (!taken) return taken.error();
    into = std::move(*taken);
    return done();
  }

  [[gnu::noinline]] static error explain(status refusal, std::size_t size) {
    auto reason = refusal.error().with(fact::operation, Aead::name);
    if (reason.code() != errc::message_too_long) return reason;
    return std::move(reason).with(fact::limit, Aead::max_message_size).with(fact::actual, size);
  }

  [[nodiscard]] const version_pool* find(key_id id) const noexcept {
    if (versions_[active_].id == id) [[likely]]
      return &versions_[active_];
    const auto at = std::ranges::find(versions_, id, &version_pool::id);
    return at == versions_.end() ? nullptr : &*at;
  }
  [[gnu::noinline]] static error unknown(key_id id) {
    return error(errc::unknown_key)
        .with(fact::key, id.value())
        .with(
            fact::next_step,
            "reload the key ring if another process may have rotated it; enable the version if it "
            "was disabled; what a destroyed one sealed is lost");
  }
  [[gnu::noinline]] static error too_short(std::size_t size) {
    return error(errc::truncated).with(fact::limit, overhead).with(fact::actual, size);
  }

  std::vector<version_pool> versions_;
  std::size_t active_ = 0;
  std::shared_ptr<seal_budget> budget_;
};

}  // namespace keywarden
