// Sealed messages, as whoever can write the database may have left them.

#include <keywarden/key/opened_key.hpp>

#include "fuzz/property.hpp"
#include "fuzz/world.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

template <class Purpose, class Aead, class Format>
bool opens(bytes_view input, bytes_view about) {
  static const auto key = opened_key<Purpose, Aead, Format>::create(ring()).value();
  const std::initializer_list<errc> listed{errc::truncated, errc::unsupported_version,
                                           errc::unsupported_suite, errc::unknown_key,
                                           errc::authentication_failed};
  const auto opened = key.open(sealed<Purpose>(to_bytes(input)), about);
  const bool good = settled(opened, listed);
  if (good) {
    require(opened->size() + key.overhead == input.size(),
            "a plaintext is as long as it should be");
    require(*opened == bytes_view(content(opened->size())), "what opens is what was sealed");
  }

  // In place, where the ciphertext is.
  auto buffer = to_bytes(input);
  const auto out = mutable_bytes(buffer).subspan(std::min(buffer.size(), Format::header_size));
  const auto placed = key.open_into(buffer, about, out);
  require(settled(placed, listed) == good, "opening in place agrees");
  if (good)
    require(std::ranges::equal(out.first(*placed), opened->view()),
            "opening in place gives the same");
  else
    require(placed.error().code() == opened.error().code(), "opening in place is refused alike");

  if (input.size() > key.overhead) {
    bytes small(input.size() - key.overhead - 1);
    const auto refused = key.open_into(input, about, small);
    require(refused.has_error() && refused.error() == errc::buffer_too_small,
            "a small buffer is refused");
  }
  return good;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using crypto::aes256_gcm;
  using crypto::chacha20_poly1305;
  const bytes_view input(data, size);
  const auto about = as_bytes(associated);
  const bool original = is_original("message", input);
  const int ways = opens<rows, aes256_gcm, format::native>(input, about) +
                   opens<rows, chacha20_poly1305, format::native>(input, about) +
                   opens<rows, aes256_gcm, format::tink>(input, about);
  require(ways == (original ? 1 : 0), "a message opens if and only if it is as it was sealed");
  require(!opens<rows, aes256_gcm, format::native>(input, {}) &&
              !opens<rows, aes256_gcm, format::tink>(input, {}),
          "without its associated data nothing opens");
  require(!opens<others, aes256_gcm, format::native>(input, about) &&
              !opens<others, aes256_gcm, format::tink>(input, about),
          "for another purpose nothing opens");
  return 0;
}
