"""Features that are raw numbers, from files or drawn at random, for the engines that send them along.

What is open (`directions`), from where (`places`, `opening`, `opened`), what it does (`pushes`, `readouts`), how far a
notch goes (`residual_norms`), and whether it has an effect at all (`trial`, `canary`). Nothing is imported here: a name
is looked up on the way to the first screen, and the numbers are not.
"""
