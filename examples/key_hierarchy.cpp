// The life of a key hierarchy in one program: made, lost in part, repaired, rotated, backed up and
// restored. Each step says what it claims and checks it; the exit status is 0 only if every claim
// holds.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <keywarden/keywarden.hpp>
#include <keywarden/store/sqlite.hpp>

namespace kw = keywarden;

namespace {

//[compose
struct policy {
  using cipher = kw::crypto::aes256_gcm;
  using service_key =
      kw::protect::self_healing<kw::protect::any_of<kw::protect::account, kw::protect::machine>>;
  using database_key =
      kw::protect::any_of<kw::protect::service_master_key, kw::protect::password<>>;
  using store = kw::store::sqlite;
};
static_assert(kw::survives<policy::service_key, kw::loss::account>);
static_assert(kw::survives<policy::service_key, kw::loss::machine>);
static_assert(!kw::survives<policy::service_key, kw::loss::account, kw::loss::machine>);
//]

struct card_number {
  static constexpr std::string_view name = "card number";
};

using vault = kw::vault<policy>;
using opened_cards = kw::opened_key<card_number>;

bool all_hold = true;

void claim(const std::string& words, bool holds) {
  std::printf("  %-6s %s\n", holds ? "ok" : "FAILED", words.c_str());
  all_hold = all_hold && holds;
}

// A folder that plays the world: a store, and the secrets of several accounts and machines.
class world {
 public:
  explicit world(std::filesystem::path folder) : folder_(std::move(folder)) {}
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  [[nodiscard]] kw::store::sqlite store() const {
    return kw::store::sqlite::open((folder_ / "vault.db").string()).value();
  }
  // The secrets exist: a different account or machine has a different one, not none.
  [[nodiscard]] policy::service_key as(const std::string& account,
                                       const std::string& machine) const {
    const kw::protect::account user(folder_ / account);
    const kw::protect::machine host(folder_ / machine);
    user.provision().value();
    host.provision().value();
    return policy::service_key(user, host);
  }

 private:
  std::filesystem::path folder_;
};

constexpr kw::object_name sales = "sales";
constexpr kw::object_name cards = "cards";
constexpr std::string_view number = "4111 1111 1111 1111";
constexpr std::string_view customer = "customer 7";

opened_cards key_of(const vault& in) {
  return in.database(sales).value().keys().open<card_number>(cards).value();
}

bool opens(const vault& in, const kw::sealed<card_number>& data) {
  auto opened = key_of(in).open(data, kw::as_bytes(customer));
  return opened && opened->text() == number;
}

void tell_it(const world& here) {
  std::puts("A vault, a database, a master key with two passwords, a key, and a sealed message");
  auto first = vault::open_or_create(here.store(), here.as("account", "machine")).value();
  claim("the service master key was made on first need",
        first.service_master_key().report().created);
  auto database = first.create_database(sales).value();
  const kw::password known("Correct horse 7 battery");
  const kw::password second("Another horse 8 staple");
  database.master_key().create(known).value();
  database.master_key().add_password(second).value();
  database.keys().create(cards, kw::by::master_key{}).value();
  const auto sealed = key_of(first).seal(kw::as_bytes(number), kw::as_bytes(customer)).value();
  claim("what was sealed opens", opens(first, sealed));
  claim("it does not open with other associated data",
        key_of(first).open(sealed, kw::as_bytes("customer 8")).error() ==
            kw::errc::authentication_failed);

  const kw::password kept("Kept in 1 safe place");
  const auto backup = first.service_master_key().backup(kept).value();

  std::puts("The service account changes");
  const auto moved = vault::open(here.store(), here.as("another account", "machine")).value();
  claim("the vault opens, because the machine is the same", opens(moved, sealed));
  claim("the account's way in was made anew",
        moved.service_master_key().report().repaired.size() == 1);

  std::puts("The machine changes");
  const auto copied =
      vault::open(here.store(), here.as("another account", "another machine")).value();
  claim("the vault opens, because the account is the same", opens(copied, sealed));
  claim("the machine's way in was made anew",
        copied.service_master_key().report().repaired.size() == 1);

  std::puts("Both change at once: somebody else has the store");
  const auto thief = vault::open(here.store(), here.as("third account", "third machine"));
  claim("the vault does not open", !thief && thief.error() == kw::errc::access_lost);
  claim("the refusal names both ways in",
        thief.error().message().find("account") != std::string::npos &&
            thief.error().message().find("machine") != std::string::npos);

  std::puts("The backup is restored there");
  auto rescued = vault::open_for_recovery(here.store(), here.as("third account", "third machine"));
  claim("with a wrong password nothing changes",
        rescued.service_master_key().restore(backup, second).error() == kw::errc::no_slot_opened);
  rescued.service_master_key().restore(backup, kept).value();
  claim("everything below the service master key is back", opens(rescued, sealed));

  std::puts("Keys are replaced");
  auto here_now = rescued.database(sales).value();
  const auto before = key_of(rescued).active();
  here_now.keys().rotate(cards).value();
  claim("after a rotation a new version seals", key_of(rescued).active() != before);
  claim("and what the old one sealed still opens", opens(rescued, sealed));
  rescued.service_master_key().regenerate().value();
  claim("a new service master key carries everything over", opens(rescued, sealed));
  const kw::password fresh("New horse 9 paperclip");
  here_now.master_key().regenerate(fresh).value();
  claim("a new database master key carries everything over", opens(rescued, sealed));
  claim("its old passwords open it no longer",
        here_now.master_key().open(known).error() == kw::errc::no_slot_opened);

  std::puts("A dependent is damaged, and the key above it is to be replaced");
  auto store = here.store();
  rescued.credentials().put("ftp", "alice", kw::as_bytes("not on paper")).value();
  const auto name = kw::record_name::parse("credential/ftp").value();
  auto stored = store.get(name).value().value();
  stored.data[stored.data.size() / 2] ^= 1U;
  kw::store::transaction damage;
  damage.replace(name, stored.revision, stored.data);
  store.commit(damage).value();
  claim("regenerating is refused and changes nothing",
        rescued.service_master_key().regenerate().error() == kw::errc::would_lose &&
            opens(rescued, sealed));
  auto plan = rescued.service_master_key().plan_regenerate().value();
  claim("the plan lists exactly the damaged one",
        plan.losses().size() == 1 && plan.losses().front().name == name.text());
  rescued.credentials().put("smtp", "bob", kw::as_bytes("nor this")).value();
  claim("a plan made before something changed is refused",
        rescued.service_master_key().execute(std::move(plan)).error() == kw::errc::plan_is_stale);
  rescued.service_master_key()
      .execute(rescued.service_master_key().plan_regenerate().value())
      .value();
  claim("a fresh one is carried out, and everything else still opens", opens(rescued, sealed));
}

}  // namespace

int main() {
  std::string folder = (std::filesystem::temp_directory_path() / "key_hierarchy.XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    std::perror("mkdtemp");
    return EXIT_FAILURE;
  }
  try {
    const world here(folder);
    tell_it(here);
  } catch (const kw::refused& why) {
    claim(std::string("no step is refused: ") + why.what(), false);
  }
  return all_hold ? EXIT_SUCCESS : EXIT_FAILURE;
}
