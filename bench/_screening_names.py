"""Names for the figures of screening: true names of the lists, written otherwise, and names of people and firms that nobody listed.

The first names and family names are common ones of their countries; a person they make up is nobody in particular.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence

from executor.compliance.screening.entries import Entry

PEOPLE: dict[str, tuple[str, str]] = {
    "english": (
        "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph "
        "Jessica Thomas Sarah "
        "Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony Sandra Mark Margaret Oliver Amelia Harry Emily George Sophie",
        "Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Thomas Taylor Moore Jackson Martin Thompson White Harris Clark "
        "Lewis Robinson Walker Young Allen King Wright Scott Green Baker Adams Nelson Hill Campbell Mitchell Roberts "
        "Carter Phillips Evans",
    ),
    "spanish": (
        "Antonio Maria Jose Carmen Manuel Ana Francisco Isabel Juan Laura David Cristina Javier Marta Daniel Lucia "
        "Carlos Elena Jesus Pilar "
        "Alejandro Raquel Miguel Rosa Rafael Sofia Pedro Paula Pablo Teresa Angel Beatriz Sergio Valentina Fernando "
        "Camila Jorge Gabriela",
        "Garcia Rodriguez Gonzalez Fernandez Lopez Martinez Sanchez Perez Gomez Martin Jimenez Ruiz Hernandez Diaz "
        "Moreno Alvarez Romero "
        "Alonso Gutierrez Navarro Torres Dominguez Vazquez Ramos Gil Ramirez Serrano Blanco Molina Morales Suarez Ortega Delgado Castro",
    ),
    "portuguese": (
        "Joao Maria Jose Ana Pedro Beatriz Paulo Juliana Lucas Fernanda Gabriel Mariana Rafael Camila Bruno Larissa "
        "Tiago Ines Diogo Leticia",
        "Silva Santos Oliveira Souza Lima Pereira Ferreira Costa Almeida Nascimento Carvalho Araujo Ribeiro Barbosa Rocha Moreira Teixeira",
    ),
    "german": (
        "Peter Ursula Wolfgang Monika Thomas Petra Andreas Sabine Stefan Claudia Jürgen Birgit Lukas Anna Felix Lena "
        "Jonas Katharina Maximilian",
        "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf "
        "Schröder Neumann Schwarz Braun",
    ),
    "french": (
        "Jean Marie Pierre Nathalie Michel Isabelle Alain Sylvie Philippe Catherine Nicolas Camille Julien Léa Thomas "
        "Chloé Antoine Manon Hugo",
        "Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefebvre Michel Roux "
        "Fournier Girard Bonnet Dupont",
    ),
    "italian": (
        "Giuseppe Maria Giovanni Anna Antonio Rosa Mario Angela Luigi Giovanna Francesco Teresa Marco Lucia Andrea "
        "Chiara Matteo Giulia Lorenzo",
        "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti De-Luca Mancini Costa "
        "Giordano Rizzo Lombardi",
    ),
    "russian": (
        "Aleksandr Yelena Sergei Olga Vladimir Natalia Andrei Irina Dmitry Tatiana Alexei Svetlana Ivan Anna Mikhail "
        "Maria Nikolai Ekaterina Yuri",
        "Ivanov Smirnov Kuznetsov Popov Vasiliev Petrov Sokolov Mikhailov Novikov Fedorov Morozov Volkov Alekseev "
        "Lebedev Semenov Egorov Pavlov",
    ),
    "arabic": (
        "Mohammed Fatima Ahmed Aisha Ali Khadija Omar Maryam Hassan Zainab Ibrahim Layla Yusuf Noor Khalid Hana Mustafa "
        "Salma Tariq Rania Sami",
        "Al-Masri Haddad Khoury Mansour Nasser Saleh Hamdan Darwish Khalil Najjar Shaheen Awad Qasim Barakat Fayed "
        "Sabbagh Zaki Rahal Bishara",
    ),
    "persian": (
        "Reza Zahra Hossein Fatemeh Mehdi Maryam Amir Sara Hamid Leila Saeed Narges Behrouz Parisa Dariush Shirin "
        "Kamran Azadeh Farhad Nasrin",
        "Ahmadi Hosseini Mohammadi Karimi Moradi Rahimi Jafari Rezaei Sadeghi Ebrahimi Kazemi Heidari Norouzi Shirazi "
        "Tehrani Bagheri Amini",
    ),
    "turkish": (
        "Mehmet Fatma Mustafa Ayşe Ahmet Emine Ali Hatice Hüseyin Zeynep Hasan Elif İbrahim Meryem Osman Şerife Murat "
        "Sultan Emre Merve Burak",
        "Yılmaz Kaya Demir Şahin Çelik Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç "
        "Kurt Özkan Şimşek Polat",
    ),
    "indian": (
        "Rahul Priya Amit Anjali Raj Sunita Vijay Kavita Sanjay Pooja Arjun Neha Rohan Divya Suresh Lakshmi Ravi Meena "
        "Anil Deepa Imran Farah",
        "Sharma Patel Singh Kumar Gupta Reddy Nair Iyer Mehta Joshi Verma Desai Rao Das Chatterjee Banerjee Khan "
        "Malhotra Kapoor Bose Pillai",
    ),
    "chinese": (
        "Wei Fang Min Jing Lei Yan Qiang Xiuying Jun Ping Yong Gang Hui Guiying Jie Ling Tao Mei Chao Xia Haoran Zihan Yuxuan Xinyi Jiahao",
        "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo Zheng Liang Xie Song Tang Deng Feng Cao Peng",
    ),
    "korean": (
        "Min-jun Seo-yeon Ji-hoon Ha-eun Do-yun Ji-woo Sung-min Eun-ji Hyun-woo Soo-jin Young-ho Mi-sook Jae-hyun Yoo-na Tae-yang Bo-ram",
        "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Oh Seo Shin Kwon Hwang Ahn Song Yoo Hong Jeon Moon Baek Nam Heo",
    ),
    "vietnamese": (
        "Van-Anh Thi-Lan Minh Huong Duc Mai Tuan Linh Hung Thao Quang Ngoc Long Trang Nam Hoa Phuong Khanh Bao Thuy",
        "Nguyen Tran Le Pham Hoang Phan Vu Vo Dang Bui Do Ho Ngo Duong Ly Dinh Trinh Mai",
    ),
    "nigerian": (
        "Chinedu Ngozi Emeka Amaka Oluwaseun Folake Babatunde Yetunde Ibrahim Aisha Musa Hauwa Chukwuma Adaeze Tunde Bola Segun Funmi",
        "Okafor Adeyemi Okonkwo Balogun Eze Adebayo Nwosu Ogunleye Okeke Abubakar Danjuma Lawal Obi Afolabi Uche Sani Bello Oyelaran",
    ),
    "polish": (
        "Jan Anna Andrzej Katarzyna Piotr Agnieszka Krzysztof Małgorzata Stanisław Joanna Tomasz Magdalena Paweł Ewa Marcin Zofia Jakub",
        "Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski Kozłowski Jankowski Mazur",
    ),
    "nordic": (
        "Lars Anna Erik Ingrid Anders Karin Johan Astrid Nils Freja Mikkel Sigrid Søren Liv Magnus Maja Jens Solveig Olav Birgitte",
        "Hansen Johansson Andersen Nilsson Larsen Eriksson Olsen Svensson Pedersen Persson Kristensen Berg Lindqvist Haugen Dahl Nyström",
    ),
    "japanese": (
        "Haruto Yui Sota Sakura Yuto Hina Ren Aoi Takashi Keiko Hiroshi Yoko Kenji Akiko Daisuke Naoko Kazuo Emi Makoto Tomoko",
        "Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato Yoshida Yamada Sasaki Matsumoto Inoue Kimura Hayashi",
    ),
}
SYLLABLES = "ba be bo ka ke ko da di do fa fe ga go ha hi ja jo la le li lo ma mi mo na ne no pa pe ra re ri ro sa se so ta te to va vi za"
ENDINGS = ["n", "r", "s", "l", "m", "ck", "nd", "sh", "", "", "", "v", "tt"]
FIRMS = (
    "Blue Northern Silver Alpine Harbour Summit Green River Crystal Golden Coastal Prairie Maple Cedar Granite "
    "Orchard Lantern Meadow Copper Ivory",
    "Bakery Logistics Dental Software Bicycle Insurance Furniture Gardens Optics Catering Books Textiles Plumbing "
    "Design Robotics Ceramics Tea "
    "Printing Ferries Coffee Lighting Pottery",
    ("Ltd", "Inc.", "GmbH", "S.A.", "LLC", "B.V.", "Co., Ltd.", "AB", "Oy", "SARL", "Pte. Ltd.", "plc"),
)


def random_people(chance: random.Random, count: int) -> list[str]:
    """So many names: most a first and a family name of one country, some with two of either, some made of syllables, some of firms."""
    found: list[str] = []
    while len(found) < count:
        draw = chance.random()
        if draw < 0.80:
            first, family = (names.split() for names in PEOPLE[chance.choice(sorted(PEOPLE))])
            parts = [chance.choice(first), chance.choice(family)]
            if chance.random() < 0.25:
                parts.insert(1, chance.choice(first))
            if chance.random() < 0.10:
                parts.append(chance.choice(family))
        elif draw < 0.92:
            parts = [
                "".join(chance.choice(SYLLABLES.split()) for _ in range(chance.randint(2, 3))) + chance.choice(ENDINGS) for _ in range(2)
            ]
        else:
            parts = [chance.choice(FIRMS[0].split()), chance.choice(FIRMS[1].split()), chance.choice(FIRMS[2])]
        found.append(" ".join(parts))
    return found


def recombined(chance: random.Random, entries: Sequence[Entry], count: int) -> list[str]:
    """The hardest innocent names: the given names of one listed person with the family name of another."""
    people = [entry.names[0].text.split(", ") for entry in entries if entry.kind == "individual" and entry.names[0].text.count(", ") == 1]
    return [f"{chance.choice(people)[1]} {chance.choice(people)[0]}" for _ in range(count)]


def said(entry: Entry) -> str:
    """A primary name as it is said, without commas."""
    family, comma, given = entry.names[0].text.partition(", ")
    return f"{given} {family}" if comma and entry.kind == "individual" else entry.names[0].text


# How transliterations and spellings differ. Some undo what the matcher folds, some it knows nothing of.
VARIANTS = [
    ("kh", "h"), ("kh", "ch"), ("sh", "ch"), ("zh", "j"), ("y", "i"), ("i", "y"), ("ei", "ey"), ("ey", "ei"), ("iy", "y"), ("ou", "u"),
    ("u", "ou"), ("u", "o"), ("o", "u"), ("a", "e"), ("e", "a"), ("q", "k"), ("k", "q"), ("gh", "g"), ("j", "dj"), ("dj", "j"), ("f", "ph"),
    ("ov", "off"), ("ev", "eff"), ("v", "w"), ("w", "v"), ("ss", "s"), ("s", "ss"), ("mm", "m"), ("ll", "l"), ("aa", "a"), ("ee", "i"),
    ("ks", "x"), ("x", "ks"), ("ts", "tz"), ("c", "k"), ("z", "s"), ("th", "t"), ("h", ""), ("ye", "e"), ("yu", "iu"), ("ya", "ia"),
    ("abd al ", "abdel "), ("abdul", "abdel"), ("al-", "el-"), ("al ", "el "), ("j", "y"), ("g", "q"), ("uddin", "eddine"), ("b", "v"),
]  # fmt: skip


def transliterated(name: str, chance: random.Random) -> str | None:
    """One or two spellings changed."""
    told, changed = name.lower(), 0
    for old, new in chance.sample(VARIANTS, len(VARIANTS)):
        places = [place for place in range(1, len(told)) if told.startswith(old, place)]
        if places:
            place = chance.choice(places)
            told, changed = told[:place] + new + told[place + len(old) :], changed + 1
            if changed == 2:
                break
    return told if changed else None


def misspelt(name: str, chance: random.Random) -> str | None:
    """One letter of a word of four or more left out, doubled, changed, or changed with its neighbour."""
    words = name.split()
    long = [place for place, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    if not long:
        return None
    place = chance.choice(long)
    word = words[place]
    at = chance.randrange(1, len(word) - 1)
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    words[place] = chance.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )
    return " ".join(words)


def reordered(name: str, chance: random.Random) -> str | None:
    """The words in another order."""
    words = name.split()
    mixed = chance.sample(words, len(words))
    return " ".join(mixed) if mixed != words else None


def without_middle(name: str, chance: random.Random) -> str | None:
    """One of the middle names left out."""
    words = name.split()
    if len(words) < 3:
        return None
    del words[chance.randrange(1, len(words) - 1)]
    return " ".join(words)


def with_initial(name: str, chance: random.Random) -> str | None:
    """One of the middle names as its initial."""
    words = name.split()
    if len(words) < 3:
        return None
    place = chance.randrange(1, len(words) - 1)
    words[place] = f"{words[place].strip(chr(39))[:1]}."
    return " ".join(words)


def joined_or_split(name: str, chance: random.Random) -> str | None:
    """Two words as one, a hyphen for a blank or a blank for a hyphen."""
    words = name.split()
    if "-" in name and chance.random() < 0.5:
        return name.replace("-", chance.choice(["", " "]))
    if len(words) < 3:
        return None
    place = chance.randrange(len(words) - 1)
    return " ".join([*words[:place], words[place] + chance.choice(["", "-"]) + words[place + 1].lower(), *words[place + 2 :]])


def accented(name: str, chance: random.Random) -> str | None:
    """Two or three letters with accents."""
    accents = ["\u0301", "\u0300", "\u0308", "\u0302", "\u0303"]
    places = [place for place, letter in enumerate(name) if letter.lower() in "aeioucns"]
    if not places:
        return None
    chosen = set(chance.sample(places, min(len(places), chance.randint(2, 3))))
    return unicodedata.normalize("NFC", "".join(one + (chance.choice(accents) if at in chosen else "") for at, one in enumerate(name)))


Way = Callable[[str, random.Random], str | None]
WAYS: dict[str, Way] = {
    "typing error": misspelt,
    "transliterated": transliterated,
    "reordered": reordered,
    "middle name left out": without_middle,
    "initial": with_initial,
    "joined or split": joined_or_split,
    "accents": accented,
}
OF_PEOPLE = ("middle name left out", "initial")


def perturbed(chance: random.Random, entries: Sequence[Entry], count: int) -> list[tuple[str, str, Entry]]:
    """So many (way, name, entry): true primary names of two or more words, each changed in one way; every third also reordered."""
    able = [entry for entry in entries if entry.kind in ("individual", "entity") and len(said(entry).split()) > 1]
    found: list[tuple[str, str, Entry]] = []
    while len(found) < count:
        entry = chance.choice(able)
        way = chance.choice(sorted(WAYS))
        if way in OF_PEOPLE and entry.kind != "individual":  # a firm has no middle name
            continue
        changed = WAYS[way](said(entry), chance)
        if changed is None:
            continue
        if len(found) % 3 == 0:
            changed = reordered(changed, chance) or changed
        found.append((way, changed, entry))
    return found
