/// @file
/// The seeds that open, by their SHA-256. Written by make_corpus.
#pragma once

#include <string_view>

namespace keywarden::fuzz {

struct original {
  std::string_view target;
  std::string_view file;
  std::string_view sha256;
};

// clang-format off
inline constexpr original originals[] = {
    {"key_record", "parent.json",
     "afcee4ed1df9e5d6ae979ba4b80c409d4fd6558dffc05e5df4325aa716909017"},
    {"key_record", "password.json",
     "764b47f3fbd1af8cdf242c24eb1c0b1de907e17ff3e0bf914c034583aeec3702"},
    {"key_record", "recipient.json",
     "e42894a7603cd246f1ecaef084853018cea18062a65df97d4107de75f8b5c351"},
    {"key_record", "all_of.json",
     "a303bcde4180ce654dca75a86740ccf9937aeda599d9393a78f6ffc533e4c740"},
    {"key_record", "threshold.json",
     "1f1548c57e58918eca241b14fe9f9d66ce9e488cbcd77a7399abfc0b63ea4a60"},
    {"key_record", "several.json",
     "4b756f0b4a72ab74f31f860ff0fac11f0b2e34ae75b168e161be4c75ff3f77d8"},
    {"message", "native_empty",
     "1e9ea7e9f1ca7983ec97aa69025f59c638f4c2784dc943dfc591b4d1babd199b"},
    {"message", "native_short",
     "e67539f9d5065bad31d4b76c9442b62a53f35dade502c205a25361544e4cff72"},
    {"message", "native_retired",
     "221827080d6aaacd58621e09e8193fec40c3489fdd11d913a78ec730801f588a"},
    {"message", "chacha_empty",
     "2be54e7c7184550d3611392011b30b9edbd5347c514be1464f942b88c82dd611"},
    {"message", "chacha_short",
     "0faaa5378e6ba5ff8c5b5145e3c8bd2b3a5e565ffc6afd3b28123d80f8e2f8b7"},
    {"message", "chacha_retired",
     "2d30aa57c68960e2d698fa0b0ee3e7e3e9eabebdf0b57b31a8b009fabffceb99"},
    {"message", "tink_empty",
     "10a956d98c4e047f8b3055427a46154032f5a520ea6e066b3d4abd8e7e8665d5"},
    {"message", "tink_short",
     "a4c6e9fadbc6920350db713bfdfc151cf8756bbfd99c79e848a749a770b00e75"},
    {"message", "tink_retired",
     "566f7690d4aa7841c2de47274d068c54035d6d82fdb76a8bb5a54c3f6f875ebc"},
    {"stream", "native_empty",
     "128e9f597b8c583a42fa40443680b6304599743f02e2ac2433101781937e7303"},
    {"stream", "native_short",
     "04e8547a69438c7ad060f20174bf2f5080c350e57a4645fe57efaa33ea335545"},
    {"stream", "native_retired",
     "09bb3a46312a794251a11b0b075bd09bfe30d15da4e76ab2d21dd6e8a58d08d3"},
    {"stream", "native_whole_segment",
     "414312681d17ced6b92989bb28974a98f4b1de9ba5f669fadcf1433250e186e6"},
    {"stream", "native_two_segments",
     "059ba95b735c525f54dc7b494a026f6cd53697814cbe9bc7c8b69b960e8cbbbc"},
    {"stream", "tink_empty",
     "93c03f8b0ec98b4eece057137aecf3719486544a2f65e11c95b50ad50510d9cf"},
    {"stream", "tink_short",
     "d46d33e1e00d7b87b10f1f8b8b75b881b3ad5ea51c77c22f18ddd6cd6a7a397d"},
    {"stream", "tink_retired",
     "1b510447df53591806bed564bf25f3bdbd1b9e5f44483ddf43284124f26b8306"},
    {"stream", "tink_whole_segment",
     "403bbccaef560517f6ac4cf29f9cc4aacae3d7102a24a41593b197c21cea0886"},
    {"stream", "tink_two_segments",
     "12e882eec01bc88fb7e58eeface4969d8ae9fb37474be645f749723c6de511bd"},
    {"master_copy", "copy.json",
     "dc612419cc64248df7a84497aef1959ca681ad25401c8faa382ef43d3bf6a981"},
    {"backup", "backup.json",
     "6ff81f9eadfc9a669f88743ce31adb04be55c7a28bc51eb342035c635e9c2d9b"},
};
// clang-format on

}  // namespace keywarden::fuzz
