"""The beginnings that texts are written from: some to choose features by, others to judge the chosen ones."""

CHOSEN_ON = (
    "Once upon a time there was a", "The weather today", "I think that", "She walked into the room and",
    "I hate you because", "My favorite", "Yesterday I", "He opened the door and", "Today I", "The story begins",
    "One morning,", "I want to", "In the evening,", "Everybody knows", "It was a", "The best thing about",
    "When I was a child, I", "We went to the", "I am", "The old man", "There is nothing like", "My friend and I",
    "You should", "Last night I dreamed of",
)  # fmt: skip
"""Those that the features are chosen on."""

JUDGED_ON = (
    "She smiled and", "They walked for a long time and", "In the morning, the", "My brother and I", "A long time ago",
    "The first thing", "If you ask me,", "I remember the", "Suddenly,", "The little girl", "Nobody knows why",
    "He wanted to", "After lunch,", "Do you know", "On Sunday we", "The children", "I will never forget",
    "Her father", "This is the story of", "At last", "I like", "What I want is", "The young man looked at",
    "Every day", "Once there was",
)  # fmt: skip
"""Those that the chosen ones are judged on: none of them is among the others."""

STORIES = (
    "Once upon a time there was a girl named Mia who", "The weather today", "She walked into the room and",
    "I hate you because", "Tom was a little boy who", "Once there lived an old man named Henry.",
    "Yesterday, Lily went to", "My favorite thing", "In the morning, Ben", "Alice opened the door and saw",
    "I think that", "He wanted to", "Once upon a time there was a", "Nora and her brother", "Last summer we",
    "Oscar was tired, but", "Dear Anna,", "The old woman", "There was once a painter named Clara.",
    "When I was a child, I",
)  # fmt: skip
"""Those that whole texts are written from, to judge the writing."""

TEMPERATURE = 0.7
"""The temperature that the app starts with."""
