// Seals messages and streams for tink_vectors.py to open: writes the cases to the file it is given.

#include <cstdint>
#include <fstream>
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/core/encoding.hpp>
#include <keywarden/key/opened_key.hpp>
#include <keywarden/key/stream.hpp>

namespace kw = keywarden;

namespace {

struct card_numbers {
  static constexpr std::string_view name = "card numbers";
};

constexpr std::string_view short_name(std::string_view form) {
  return form.starts_with("tink") ? "tink" : "native";
}

kw::bytes pattern(std::size_t size) {
  kw::bytes made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::uint8_t>(i % 251);
  return made;
}

// A ring of one version, and the case's fields that say what is in it.
kw::key_ring new_ring(std::ostream& out, std::string_view form, std::string_view suite) {
  kw::key_version version;
  const auto secret = kw::random_public<kw::strong_bytes<32, struct secret_tag>>().value();
  version.id = kw::key_id(0xC0FFEE01);
  version.state = kw::key_state::active;
  version.secret = kw::secret_key::copy_of(secret.view());
  out << "Form = " << short_name(form) << "\nSuite = " << suite
      << "\nSecret = " << kw::to_hex(secret.view()) << "\nPurpose = " << card_numbers::name
      << "\nKeyId = " << version.id.value() << '\n';
  std::vector<kw::key_version> versions;
  versions.push_back(std::move(version));
  return kw::key_ring::adopt(std::move(versions)).value();
}

template <class Aead, class Format>
void seal_messages(std::ostream& out) {
  for (const std::size_t size : {0U, 1U, 16U, 5000U}) {
    const auto ring = new_ring(out, Format::name, Aead::name);
    const auto key = kw::opened_key<card_numbers, Aead, Format>::create(ring).value();
    const auto message = pattern(size);
    const auto data = pattern(size % 23);
    out << "AssociatedData = " << kw::to_hex(data) << "\nPlaintext = " << kw::to_hex(message)
        << "\nSealed = " << kw::to_hex(key.seal(message, data).value().view()) << "\n\n";
  }
}

template <class Aead, class Form>
void seal_streams(std::ostream& out) {
  for (const std::size_t size : {0U, 1U, 3998U, 3999U, 4040U, 4041U, 8078U, 8079U, 100000U}) {
    const auto ring = new_ring(out, Form::name, Aead::name);
    const auto key = kw::opened_stream_key<card_numbers, Form, Aead>::create(ring).value();
    kw::stream_options options;
    options.segment_size = size == 100000U ? 65536 : 4096;
    options.threads = 1 + static_cast<unsigned>(size % 3);
    const auto message = pattern(size);
    const auto data = pattern(size % 23);
    kw::bytes sealed;
    key.seal(kw::memory_source(message), kw::bytes_sink(sealed), data, options).value();
    out << "SegmentSize = " << options.segment_size << "\nAssociatedData = " << kw::to_hex(data)
        << "\nPlaintextSize = " << size << "\nSealed = " << kw::to_hex(sealed) << "\n\n";
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: tink_interop FILE\n";
    return 2;
  }
  std::ofstream out(arguments[1]);
  seal_messages<kw::crypto::aes256_gcm, kw::format::tink>(out);
  seal_messages<kw::crypto::aes256_gcm, kw::format::native>(out);
  seal_messages<kw::crypto::chacha20_poly1305, kw::format::tink>(out);
  seal_messages<kw::crypto::chacha20_poly1305, kw::format::native>(out);
  seal_streams<kw::crypto::aes256_gcm, kw::stream::tink>(out);
  seal_streams<kw::crypto::aes256_gcm, kw::stream::native>(out);
  seal_streams<kw::crypto::chacha20_poly1305, kw::stream::native>(out);
  out.close();
  return out ? 0 : 1;
}
