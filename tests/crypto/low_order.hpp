/// @file
/// The X25519 values that every private key maps to zero, with their other spellings.
#pragma once

#include <vector>

#include <keywarden/core/encoding.hpp>

namespace keywarden::testing {

/// 0, 1, the two of order 8, p - 1, p and p + 1, and 0 and 1 again with the ignored top bit set.
inline std::vector<bytes> low_order_x25519() {
  std::vector<bytes> all;
  for (const auto* text : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "0000000000000000000000000000000000000000000000000000000000000080",
           "0100000000000000000000000000000000000000000000000000000000000080",
       })
    all.push_back(from_hex(text).value());
  return all;
}

}  // namespace keywarden::testing
