// What two ends' ENCRYPTION clauses come to: every cell of SQL Server's documented tables, and laws
// over all clauses there are.

#include <keywarden/transport/encryption.hpp>

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>

namespace static_encryption {

namespace transport = keywarden::transport;
using transport::algorithm;
using transport::encryption_clause;
using transport::encryption_refusal;
using transport::negotiate;
using transport::negotiation;
using transport::presence;

constexpr std::array presences{presence::disabled, presence::supported, presence::required};

// The documented tables, as they are written: the connecting end's rows, the accepting end's
// columns. DISABLED, SUPPORTED, REQUIRED:
constexpr std::string_view clear = "clear";
constexpr std::string_view encrypted = "encrypted";
constexpr std::string_view none = "no connection";
constexpr std::array<std::array<std::string_view, 3>, 3> presence_table{{
    {clear, clear, none},
    {clear, encrypted, encrypted},
    {none, encrypted, encrypted},
}};
// AES, RC4, AES RC4, RC4 AES:
constexpr std::array<std::array<std::string_view, 4>, 4> algorithm_table{{
    {"AES", "fail", "AES", "AES"},
    {"fail", "RC4", "RC4", "RC4"},
    {"AES", "RC4", "AES", "RC4"},
    {"AES", "RC4", "AES", "RC4"},
}};

constexpr encryption_clause clause_of(presence wanted, std::size_t list) {
  if (wanted == presence::disabled) return *encryption_clause::of(wanted);
  switch (list) {
    case 0:
      return *encryption_clause::of(wanted, {algorithm::aes});
    case 1:
      return *encryption_clause::of(wanted, {algorithm::rc4});
    case 2:
      return *encryption_clause::of(wanted, {algorithm::aes, algorithm::rc4});
    default:
      return *encryption_clause::of(wanted, {algorithm::rc4, algorithm::aes});
  }
}

// What a cell says when RC4 is never used.
constexpr std::string_view expected(std::string_view presence_cell,
                                    std::string_view algorithm_cell) {
  if (presence_cell == clear) return "not encrypted: integrity only";
  if (presence_cell == none) return "refused: one end is DISABLED, the other REQUIRED";
  if (algorithm_cell == "AES") return "encrypted: AES-256-GCM";
  if (algorithm_cell == "RC4") return "refused: RC4";
  return "refused: no common algorithm";
}

// The first of the 9 * 16 cells that differs, as (presence of the connector, of the acceptor, list
// of the connector, of the acceptor) in decimal digits; -1 when all are as documented.
constexpr int first_wrong_cell() {
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 4; ++k)
        for (std::size_t l = 0; l < 4; ++l) {
          const auto outcome = negotiate(clause_of(presences[i], k), clause_of(presences[j], l));
          if (transport::explain(outcome) != expected(presence_table[i][j], algorithm_table[k][l]))
            return static_cast<int>(1000 * i + 100 * j + 10 * k + l);
        }
  return -1;
}
static_assert(first_wrong_cell() == -1);

// Cells that readers ask about, spelled out. Both orders differ: the accepting end's wins.
constexpr auto sql(std::string_view text) {
  return *transport::detail::read_encryption(text).clause;
}
static_assert(negotiate(sql("SUPPORTED ALGORITHM AES"), sql("SUPPORTED ALGORITHM AES")) ==
              negotiation::encrypted(algorithm::aes));
static_assert(negotiate(sql("REQUIRED ALGORITHM RC4 AES"), sql("REQUIRED ALGORITHM AES RC4")) ==
              negotiation::encrypted(algorithm::aes));
static_assert(negotiate(sql("REQUIRED ALGORITHM AES RC4"), sql("REQUIRED ALGORITHM RC4 AES")) ==
              negotiation::refused(encryption_refusal::rc4));
static_assert(negotiate(sql("REQUIRED ALGORITHM AES CHACHA20"),
                        sql("REQUIRED ALGORITHM CHACHA20 AES")) ==
              negotiation::encrypted(algorithm::chacha20));
static_assert(negotiate(sql("REQUIRED ALGORITHM CHACHA20 AES"),
                        sql("REQUIRED ALGORITHM AES CHACHA20")) ==
              negotiation::encrypted(algorithm::aes));
static_assert(negotiate(sql("SUPPORTED ALGORITHM AES"), sql("SUPPORTED ALGORITHM CHACHA20")) ==
              negotiation::refused(encryption_refusal::no_common_algorithm));
static_assert(negotiate(sql("DISABLED"), sql("REQUIRED")) ==
              negotiation::refused(encryption_refusal::encryption_required));
static_assert(negotiate(sql("REQUIRED"), sql("DISABLED")) ==
              negotiation::refused(encryption_refusal::encryption_required));
static_assert(negotiate(sql("DISABLED"), sql("SUPPORTED ALGORITHM RC4")) ==
              negotiation::integrity_only());

// Every clause there is: DISABLED, and both others with each of the 15 ordered lists.
constexpr std::size_t how_many = 1 + 2 * 15;
constexpr auto every_clause = [] {
  std::array<encryption_clause, how_many> made{*encryption_clause::of(presence::disabled)};
  std::size_t count = 1;
  constexpr std::array all{algorithm::aes, algorithm::rc4, algorithm::chacha20};
  for (const auto wanted : {presence::supported, presence::required})
    for (const auto first : all) {
      made[count++] = *encryption_clause::of(wanted, {first});
      for (const auto second : all)
        if (const auto two = encryption_clause::of(wanted, {first, second})) {
          made[count++] = *two;
          for (const auto third : all)
            if (const auto three = encryption_clause::of(wanted, {first, second, third}))
              made[count++] = *three;
        }
    }
  if (count != how_many) throw "the count above is wrong";
  return made;
}();

template <class Law>
constexpr bool for_every_pair(Law law) {
  for (const auto& connector : every_clause)
    for (const auto& acceptor : every_clause)
      if (!law(connector, acceptor)) return false;
  return true;
}

static_assert(for_every_pair([](const auto& left, const auto& right) {
  return (left == right) == (&left == &right);
}));
// RC4 never encrypts, and what does is what both ends list.
static_assert(for_every_pair([](const auto& connector, const auto& acceptor) {
  const auto by = negotiate(connector, acceptor).algorithm();
  return !by || (*by != algorithm::rc4 && connector.lists(*by) && acceptor.lists(*by));
}));
// An end that is REQUIRED never talks in clear; one that is DISABLED never encrypts; two that
// encrypt never fall back.
static_assert(for_every_pair([](const auto& connector, const auto& acceptor) {
  const auto outcome = negotiate(connector, acceptor);
  const bool disabled =
      connector.presence() == presence::disabled || acceptor.presence() == presence::disabled;
  const bool required =
      connector.presence() == presence::required || acceptor.presence() == presence::required;
  return outcome.is_integrity_only() == (disabled && !required) &&
         (!outcome.is_encrypted() || !disabled);
}));
// Exactly one of the three, always.
static_assert(for_every_pair([](const auto& connector, const auto& acceptor) {
  const auto outcome = negotiate(connector, acceptor);
  return int{outcome.is_encrypted()} + int{outcome.is_integrity_only()} +
             int{outcome.is_refused()} ==
         1;
}));
// Who connects does not matter to whether it is encrypted by presence, nor to whether there is
// something in common; only the choice among common algorithms is the acceptor's.
static_assert(for_every_pair([](const auto& one, const auto& other) {
  const auto there = negotiate(one, other);
  const auto back = negotiate(other, one);
  const auto same = [&](encryption_refusal why) {
    return (there.refusal() == why) == (back.refusal() == why);
  };
  return there.is_integrity_only() == back.is_integrity_only() &&
         same(encryption_refusal::encryption_required) &&
         same(encryption_refusal::no_common_algorithm);
}));
// Equal clauses agree on their first algorithm.
static_assert([] {
  for (const auto& each : every_clause) {
    const auto outcome = negotiate(each, each);
    if (each.presence() == presence::disabled
            ? !outcome.is_integrity_only()
            : outcome != negotiation::encrypted(each.algorithms()[0]))
      return false;
  }
  return true;
}());
// What is written is read back, in all three forms.
static_assert([] {
  unsigned coded = 0;
  for (const auto& each : every_clause) {
    const auto text = transport::text(each);
    if (transport::detail::read_encryption(text.view()).clause != each) return false;
    const auto name = transport::to_protocol_name(each);
    if (transport::detail::read_protocol_name(name.view()) != each) return false;
    const auto code = transport::catalog_code(each);
    if (code.has_value() == each.lists(algorithm::chacha20)) return false;
    if (code && transport::from_catalog_code(*code) != each) return false;
    coded += code.has_value() ? 1U : 0U;
  }
  return coded == 9;
}());

// The catalog's codes, literally; code 4 is SUPPORTED AES, whatever a label elsewhere says.
constexpr std::array<std::string_view, 9> catalog{
    "DISABLED",
    "REQUIRED ALGORITHM RC4",
    "REQUIRED ALGORITHM AES",
    "SUPPORTED ALGORITHM RC4",
    "SUPPORTED ALGORITHM AES",
    "REQUIRED ALGORITHM RC4 AES",
    "REQUIRED ALGORITHM AES RC4",
    "SUPPORTED ALGORITHM RC4 AES",
    "SUPPORTED ALGORITHM AES RC4",
};
static_assert([] {
  for (unsigned code = 0; code < catalog.size(); ++code)
    if (transport::text(*transport::from_catalog_code(code)) != catalog[code] ||
        transport::catalog_code(sql(catalog[code])) != code)
      return false;
  return true;
}());
static_assert(!transport::from_catalog_code(9) && !transport::from_catalog_code(~0U));
static_assert(!transport::catalog_code(sql("REQUIRED ALGORITHM CHACHA20")));

// The default is that of SQL Server 2016 and later.
static_assert(transport::text(encryption_clause{}) == "REQUIRED ALGORITHM AES");
static_assert(transport::to_protocol_name(encryption_clause{}) == "keywarden/1/required/aes");
static_assert(transport::to_protocol_name(sql("DISABLED")) == "keywarden/1/disabled");
static_assert(transport::to_protocol_name(sql("required algorithm aes rc4")) ==
              "keywarden/1/required/aes,rc4");

// A clause is always one that makes sense.
static_assert(!encryption_clause::of(presence::required));
static_assert(!encryption_clause::of(presence::supported));
static_assert(!encryption_clause::of(presence::disabled, {algorithm::aes}));
static_assert(!encryption_clause::of(presence::required, {algorithm::aes, algorithm::aes}));
static_assert(!encryption_clause::of(presence::required, {algorithm::aes, algorithm::rc4,
                                                          algorithm::chacha20, algorithm::aes}));
static_assert(std::regular<encryption_clause> && std::is_trivially_copyable_v<encryption_clause>);
static_assert(sizeof(encryption_clause) <= 8);
static_assert(std::copyable<negotiation> && std::equality_comparable<negotiation>);
static_assert(!std::default_initializable<negotiation>);
static_assert(negotiation::encrypted(algorithm::rc4) ==
              negotiation::refused(encryption_refusal::rc4));

// As a type.
using preferred = transport::algorithms<algorithm::chacha20, algorithm::aes>;
static_assert(preferred::with(presence::required) == sql("REQUIRED ALGORITHM CHACHA20 AES"));
static_assert(preferred::with(presence::supported) == sql("SUPPORTED ALGORITHM CHACHA20 AES"));
static_assert(preferred::with(presence::disabled) == sql("DISABLED"));
static_assert(std::is_empty_v<preferred>);

}  // namespace static_encryption
