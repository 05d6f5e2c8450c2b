// work <composed|by_hand> <aes|chacha> <seal|both> <message size> <count>
//
// Seals once, then does the operation `count` times: what instructions.py counts the instructions
// of.

#include <charconv>
#include <cstdio>
#include <string_view>

#include "cost/operations.hpp"

namespace {

template <class Side>
int work(std::string_view operation, std::size_t size, unsigned count) {
  Side side(size);
  bool ok = true;
  for (unsigned i = 0; i < 3; ++i) ok = side.seal() && ok;
  // After an open the buffer holds plaintext under the same header and tag, so opening needs a seal
  // before it. The seal is counted in both numbers of the difference that is taken: "both" minus
  // "seal" is the open.
  if (operation == "seal")
    for (unsigned i = 0; i < count; ++i) ok = side.seal() && ok;
  else
    for (unsigned i = 0; i < count; ++i) ok = side.open() && side.seal() && ok;
  return ok ? 0 : 1;
}

template <template <class> class Side>
int choose(std::string_view algorithm, std::string_view operation, std::size_t size,
           unsigned count) {
  return algorithm == "aes"
             ? work<Side<keywarden::crypto::aes256_gcm>>(operation, size, count)
             : work<Side<keywarden::crypto::chacha20_poly1305>>(operation, size, count);
}

unsigned number(std::string_view text) {
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("usage: work <composed|by_hand> <aes|chacha> <seal|both> <message size> <count>\n",
               stderr);
    return 2;
  }
  const auto size = number(argv[4]);
  const auto count = number(argv[5]);
  return std::string_view(argv[1]) == "composed"
             ? choose<keywarden::testing::composed>(argv[2], argv[3], size, count)
             : choose<keywarden::testing::by_hand>(argv[2], argv[3], size, count);
}
