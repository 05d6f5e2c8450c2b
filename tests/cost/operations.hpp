/// @file
/// The same work twice: through `opened_key`, and written by hand over Botan as well as one can.
#pragma once

#include <memory>

#include <botan/aead.h>

#include <keywarden/core/random.hpp>
#include <keywarden/key/opened_key.hpp>

namespace keywarden::testing {

struct measured {
  static constexpr std::string_view name = "measured";
};

/// Through the library, in the caller's buffer: header, then the message where it is sealed.
template <crypto::aead Aead>
class composed {
 public:
  using key = opened_key<measured, Aead>;

  explicit composed(std::size_t size)
      : key_(key::create(key_ring::create({}).value()).value()),
        buffer_(key::sealed_size(size)),
        size_(size) {}

  bool seal() {
    const auto message = bytes_view(buffer_).subspan(format::native::header_size, size_);
    return key_.seal_into(message, associated(), buffer_).has_value();
  }
  /// Opens what `seal` made last; the buffer then holds the plaintext.
  bool open() {
    return key_
        .open_into(buffer_, associated(),
                   mutable_bytes(buffer_).subspan(format::native::header_size))
        .has_value();
  }
  /// Keeps what `seal` made, for `open_kept` to open over and over.
  void keep() { kept_ = buffer_; }
  bool open_kept() {
    std::memcpy(buffer_.data(), kept_.data(), kept_.size());
    return open();
  }
  static bytes_view associated() { return as_bytes("row 7 of table 3"); }

 private:
  key key_;
  bytes buffer_;
  bytes kept_;
  std::size_t size_;
};

/// By hand: two ciphers keyed once, the same nonce generator, the same message layout and
/// authenticated header, in place, the tag through a reused buffer.
template <crypto::aead Aead>
class by_hand {
 public:
  explicit by_hand(std::size_t size)
      : buffer_(composed<Aead>::key::sealed_size(size)), size_(size) {
    const auto key = random_key().value();
    sealing_->set_key(detail::view_of(key));
    opening_->set_key(detail::view_of(key));
    scratch_.reserve(256);
    header_ = {0x4B, static_cast<std::uint8_t>(Aead::id), 1, 2, 3, 4};
  }

  bool seal() {
    nonce once;
    if (!nonces_.fill(once.view())) return false;
    std::memcpy(buffer_.data(), header_.data(), 6);
    std::memcpy(buffer_.data() + 6, once.view().data(), nonce::size);
    associate(composed<Aead>::associated());
    sealing_->set_associated_data(associated_);
    sealing_->start(once.view());
    sealing_->process(mutable_bytes(buffer_).subspan(18, size_));
    scratch_.clear();
    sealing_->finish(scratch_);
    std::memcpy(buffer_.data() + 18 + size_, scratch_.data(), 16);
    return true;
  }
  bool open() {
    if (std::memcmp(buffer_.data(), header_.data(), 6) != 0) return false;
    associate(composed<Aead>::associated());
    opening_->set_associated_data(associated_);
    opening_->start(bytes_view(buffer_).subspan(6, 12));
    opening_->process(mutable_bytes(buffer_).subspan(18, size_));
    scratch_.resize(16);
    std::memcpy(scratch_.data(), buffer_.data() + 18 + size_, 16);
    opening_->finish(scratch_);
    return true;
  }
  void keep() { kept_ = buffer_; }
  bool open_kept() {
    std::memcpy(buffer_.data(), kept_.data(), kept_.size());
    return open();
  }

 private:
  void associate(bytes_view data) {
    associated_.resize(14 + data.size());
    std::memcpy(associated_.data(), buffer_.data(), 6);
    store_big_endian(mutable_bytes(associated_).subspan(6), std::uint64_t{data.size()});
    std::memcpy(associated_.data() + 14, data.data(), data.size());
  }

  std::unique_ptr<Botan::AEAD_Mode> sealing_ =
      Botan::AEAD_Mode::create_or_throw(Aead::botan_name, Botan::Cipher_Dir::Encryption);
  std::unique_ptr<Botan::AEAD_Mode> opening_ =
      Botan::AEAD_Mode::create_or_throw(Aead::botan_name, Botan::Cipher_Dir::Decryption);
  nonce_generator nonces_;
  std::array<std::uint8_t, 6> header_{};
  bytes associated_;
  Botan::secure_vector<std::uint8_t> scratch_;
  bytes buffer_;
  bytes kept_;
  std::size_t size_;
};

}  // namespace keywarden::testing
