/// @file
/// Verifiers of signatures by peers that were let in before, so that their next handshakes cost
/// less.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/pk_keys.h>
#include <botan/pubkey.h>

#include <keywarden/core/recent.hpp>

namespace keywarden::transport::detail {

/// Whose signatures, and how they are made and written: a verifier serves nothing else.
struct verifier_name {
  std::vector<std::uint8_t> key;  ///< the whole SubjectPublicKeyInfo, DER
  std::string padding;
  Botan::Signature_Format format{};

  friend auto operator<=>(const verifier_name&, const verifier_name&) = default;
};

/// Verifiers for the keys of at most `capacity` peers; the peer that was not seen for the longest
/// goes first.
///
/// A verifier for an elliptic curve holds a table that takes two fifths of a verification to make.
/// It tells whether a signature is by a key, and nothing of whether its holder is welcome: that is
/// judged at every handshake. Filled by `keep` alone, which is for peers that were let in, so that
/// a stranger can neither fill it nor push anybody out, whichever certificate he shows. One
/// handshake has a verifier at a time; another of the same peer meanwhile makes its own. All of
/// them go when the generation changes: what the authenticator knows was replaced. 5 KiB for a
/// P-256 key, 7 for P-384.
///
/// Does not hide, from who measures, whether the holder of a key was let in lately: to ask that he
/// must show its certificate, and is refused. Any thread.
class tls_verifiers {
  struct place {
    std::mutex mutex;
    std::unique_ptr<Botan::PK_Verifier> idle;
  };

 public:
  /// A verifier that nobody else has meanwhile.
  class loan {
   public:
    [[nodiscard]] explicit operator bool() const noexcept { return verifier_ != nullptr; }
    [[nodiscard]] Botan::PK_Verifier& operator*() const noexcept { return *verifier_; }
    [[nodiscard]] Botan::PK_Verifier* operator->() const noexcept { return verifier_.get(); }

    /// For the next handshake. One that threw is not given back: its state is not known.
    void give_back() && {
      const std::lock_guard held(from_->mutex);
      if (from_->idle == nullptr) from_->idle = std::move(verifier_);
    }

   private:
    friend class tls_verifiers;
    std::shared_ptr<place> from_;
    std::unique_ptr<Botan::PK_Verifier> verifier_;
  };

  static constexpr std::size_t max_peers = 256;

  explicit tls_verifiers(std::size_t capacity = max_peers) noexcept : places_(capacity) {}

  [[nodiscard]] static verifier_name name_of(const Botan::Public_Key& key, std::string_view padding,
                                             Botan::Signature_Format format) {
    return {key.subject_public_key(), std::string(padding), format};
  }

  /// The verifier that was kept, unless there is none or it is on loan.
  [[nodiscard]] loan take(const verifier_name& wanted, std::uint64_t generation) {
    loan made;
    expect(generation);
    auto found = places_.find(wanted);
    if (!found) return made;
    made.from_ = std::move(*found);
    const std::lock_guard held(made.from_->mutex);
    made.verifier_ = std::move(made.from_->idle);
    return made;
  }

  /// Keeps the verifier of a peer that was let in now.
  void keep(const verifier_name& of, std::unique_ptr<Botan::PK_Verifier> verifier,
            std::uint64_t generation) {
    expect(generation);
    auto made = std::make_shared<place>();
    made->idle = std::move(verifier);
    places_.keep(of, std::move(made));
  }

  /// How many keys it has a verifier for, those on loan included.
  [[nodiscard]] std::size_t size() const { return places_.size(); }

 private:
  void expect(std::uint64_t generation) {
    decltype(places_.take_all()) old;  // freed when nobody waits for it
    const std::lock_guard held(mutex_);
    if (generation == generation_) return;
    old = places_.take_all();
    generation_ = generation;
  }

  std::mutex mutex_;
  std::uint64_t generation_ = 0;
  keywarden::detail::recent<verifier_name, std::shared_ptr<place>> places_;
};

}  // namespace keywarden::transport::detail
